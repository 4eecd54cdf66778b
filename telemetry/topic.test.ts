import { expect, test } from 'vitest'
import { deviceFinder, topicPattern, topicPatternProblem } from './topic.ts'

test('topic pattern gives the named levels when a topic matches', () => {
  const pattern = topicPattern('sensors/{site}/+/{device}/rainfall')
  expect(pattern.filter).toBe('sensors/+/+/+/rainfall')
  expect(pattern.names).toEqual(['site', 'device'])
  expect(pattern.match('sensors/a/roof/b/rainfall')).toEqual(['a', 'b'])
  expect(pattern.match('sensors/a//b/rainfall')).toEqual(['a', 'b'])
})

test.each([
  'sensors/a/b',
  'sensors/a/b/c',
  'sensors/a/b/rainfall/x',
  'Sensors/a/b/rainfall',
  '/sensors/a/b/rainfall',
  '',
])('topic pattern does not match %s', (topic) => {
  expect(topicPattern('sensors/{site}/{device}/rainfall').match(topic)).toBeNull()
})

test.each([
  ['', 'is empty'],
  ['a/{b}/{b}', 'twice'],
  ['a/#', '"#"'],
  ['a/x{b}', '"x{b}"'],
  ['a/b+', '"b+"'],
])('topic pattern %s is refused', (source, reason) => {
  expect(topicPatternProblem(source)).toContain(reason)
  expect(() => topicPattern(source)).toThrow(reason)
})

test('device finder takes the first pattern that names a device', () => {
  const find = deviceFinder(['log/{site}', 'sensors/{site}/{device}/status', '{device}/up'])
  expect(find('sensors/a/b/status')).toEqual({ site: 'a', device: 'b' })
  expect(find('node-1/up')).toEqual({ site: '', device: 'node-1' })
  expect(find('log/a')).toBeNull()
  for (const nobody of ['sensors/a//status', 'sensors//b/status', 'sensors/a/b\n/status'])
    expect(find(nobody)).toBeNull()
})
