import { expect, test } from 'vitest'
import { bySpecificity, deviceFinder, topicPattern, topicPatternProblem } from './topic.ts'

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
  ['a/#/b', 'after "#"'],
  ['#/{device}', 'after "#"'],
  ['a#', '"a#"'],
  ['a/x{b}', '"x{b}"'],
  ['a/{B}', '"{B}"'],
  ['a/{b:}', '"{b:}"'],
  ['a/{b:c|}', '"{b:c|}"'],
  ['a/{b:+}', '"{b:+}"'],
  ['a/(b|#)', '"(b|#)"'],
  ['a/(b||c)', '"(b||c)"'],
  ['a/b|c', '"b|c"'],
  ['a/(b|c|b)', 'twice in the level'],
  ['{b:x|y}/{b}', 'names {b} twice'],
  ['a/b+', '"b+"'],
])('topic pattern %s is refused', (source, reason) => {
  expect(topicPatternProblem(source)).toContain(reason)
  expect(() => topicPattern(source)).toThrow(reason)
})

test.each([
  ['a/#', 'a', []],
  ['a/#', 'a/', []],
  ['a/#', 'a/b/c', []],
  ['a/#', 'ab', null],
  ['a/#', 'b/a', null],
  ['#', 'a/b', []],
  ['#', '/', []],
  ['{device}/#', 'node', ['node']],
  ['{device}/#', 'node/a/b', ['node']],
  ['+/b/#', 'a', null],
  ['a/+', 'a', null],
  ['a/+', 'a/', []],
  ['s/(rainfall|pulse)/{device}', 's/pulse/d', ['d']],
  ['s/(rainfall|pulse)/{device}', 's/rain/d', null],
  ['s/(rainfall|pulse)/{device}', 's/pulses/d', null],
  ['{device}/{channel:rainfall|pulse}', 'd/rainfall', ['d', 'rainfall']],
  ['{device}/{channel:rainfall|pulse}', 'd/voltage', null],
  ['{site:home}/{device}', 'home/d', ['home', 'd']],
  ['a/pump(1)', 'a/pump(1)', []],
])('topic pattern %s gives for %s the values %j', (source, topic, values) => {
  expect(topicPattern(source).match(topic)).toEqual(values)
})

test.each(['#', '+/info', '{device}/info', '+/#'])(
  'topic pattern %s does not match a topic that begins with $ when its first level is open [MQTT-4.7.2-1]',
  (source) => {
    expect(topicPattern(source).match('$SYS/info')).toBeNull()
    expect(topicPattern('$SYS/#').match('$SYS/info')).toEqual([])
  },
)

test('topic pattern gives the values of its own topic when several topics are matched in turn', () => {
  const pattern = topicPattern('{site}/{device}/x')
  const first = pattern.match('a/b/x')
  expect(pattern.match('longer/name/y')).toBeNull()
  expect(pattern.match('c/d/x')).toEqual(['c', 'd'])
  expect(first).toEqual(['a', 'b'])
})

test('topic pattern has + and # as an MQTT filter when it has names and alternatives', () => {
  expect(topicPattern('s/{a}/(b|c)/{d:e|f}/{g:h}/#').filter).toBe('s/+/+/+/h/#')
  expect(topicPattern('#').filter).toBe('#')
})

test('bySpecificity sorts text, alternatives, any text and # when the levels before are alike', () => {
  const sorted = ['a', 'a/b', 'a/b/#', 'a/(b|c)', 'a/{x:b|c}/d', 'a/{device}', 'a/+/c', 'a/#', '(a|b)/c', '+/b', '#']
  const shuffled = sorted.toReversed().map(topicPattern)
  // Equal ones keep their order; none of these are.
  expect(shuffled.toSorted(bySpecificity).map((it) => it.source)).toEqual(sorted)
})

test.each([
  ['a/{x}/c', 'a/+/d'],
  ['(a|b)', '{x:c|d}'],
  ['a/(b)', 'a/b'],
])('bySpecificity finds %s and %s equal when each level is of the same kind', (a, b) => {
  expect(bySpecificity(topicPattern(a), topicPattern(b))).toBe(0)
})

test('device finder takes the most specific pattern when several match', () => {
  const find = deviceFinder(['{site}/#', '{site}/{device}/#', 'log/+/{device}', 'log/{device}/{site:x|y}'])
  expect(find('log/a/b')).toEqual({ site: '', device: 'b' })
  expect(find('log/a/x')).toEqual({ site: 'x', device: 'a' })
  expect(find('home/a')).toEqual({ site: 'home', device: 'a' })
})

test('device finder takes the first pattern that names a device', () => {
  const find = deviceFinder(['log/{site}', 'sensors/{site}/{device}/status', '{device}/up'])
  expect(find('sensors/a/b/status')).toEqual({ site: 'a', device: 'b' })
  expect(find('node-1/up')).toEqual({ site: '', device: 'node-1' })
  expect(find('log/a')).toBeNull()
  for (const nobody of ['sensors/a//status', 'sensors//b/status', 'sensors/a/b\n/status'])
    expect(find(nobody)).toBeNull()
})
