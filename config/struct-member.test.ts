import { expect, test } from 'vitest'
import { structMember } from './struct-member.ts'

test.each([
  ['time:u32', { name: 'time', type: 'u32', bits: null, big: false }],
  ['battery:u16be', { name: 'battery', type: 'u16', bits: null, big: true }],
  ['battery:i24le', { name: 'battery', type: 'i24', bits: null, big: false }],
  ['flags:u8/3', { name: 'flags', type: 'u8', bits: 3, big: false }],
  ['-:u16be/16', { name: '-', type: 'u16', bits: 16, big: true }],
  ['soil moisture:f32', { name: 'soil moisture', type: 'f32', bits: null, big: false }],
])('structMember reads %s', (text, member) => {
  expect(structMember(text)).toEqual(member)
})

test.each([
  ['time', ''],
  [':u8', ''],
  ['a:b:u8', ''],
  ['a:u8/', ''],
  ['a:u8 be', ''],
  ['a:u9', 'has an unknown type, did you mean u8?'],
  ['a:x99', 'has an unknown type, known are u8, i8'],
  ['a:u8/9', 'takes 9 bits of 8'],
  ['a:u8/0', 'takes 0 bits of 8'],
  ['a:f32/3', 'takes bits of a floating-point number'],
])('structMember says why %s is no member', (text, reason) => {
  const answer = structMember(text)
  expect(typeof answer === 'string' ? answer.slice(0, reason.length || undefined) : answer).toBe(reason)
})
