import { expect, test } from 'vitest'
import { readPlainObject } from './value-object.ts'

const read = (text: string) => readPlainObject(Buffer.from(text))

test.each([
  '{"v":1.2,"t":1700000000000,"seq":17}',
  '{"v": 1.2, "t": 1700000000.123, "seq": 0}',
  '{"seq":4294967295,"v":-0.001}',
  '{"t":0,"v":123456789.012345}',
  '{"v":-0}',
  '{"v":0.000000000001}',
  '{"v":999999999999999}',
])('readPlainObject reads %s as JSON.parse does', (text) => {
  const { v, t, seq } = JSON.parse(text)
  expect(read(text)).toStrictEqual({ v, t, seq })
})

test.each([
  '',
  '{',
  '{}',
  '{"v":}',
  '{"v":1,}',
  '{"v":1,"v":2}',
  '{"v":1"t":2}',
  '{"v":01}',
  '{"v":-}',
  '{"v":.5}',
  '{"v":1.}',
  '{"v":1.2.3}',
  '{"v":+1}',
  '{"v":1e3}',
  '{"v":1234567890123456}',
  '{"v":"1"}',
  '{"v":null}',
  '{"v":1}}',
  '{"v":1} ',
  ' {"v":1}',
  '{"x":1}',
  '{"vv":1}',
  '{"sex":1}',
  '{"v":1,"extra":1}',
  '[1]',
])('readPlainObject leaves %s to JSON.parse', (text) => {
  expect(read(text)).toBe(null)
})

test('readPlainObject reads random decimals to the last bit', () => {
  const seed = Date.now() & 0x7fffffff
  console.log(`seed ${seed}`)
  let state = seed
  const next = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % below
  }
  for (let i = 0; i < 20_000; i++) {
    const digits = String(next(900) + 100) + String(next(10_000_000)).padStart(7, '0').slice(next(7))
    const point = next(digits.length)
    const number = `${next(2) === 0 ? '-' : ''}${point === 0 ? '0' : digits.slice(0, point)}.${digits.slice(point)}`
    const text = `{"v":${number},"seq":${i}}`
    expect(read(text), text).toStrictEqual({ v: JSON.parse(number), t: undefined, seq: i })
  }
})
