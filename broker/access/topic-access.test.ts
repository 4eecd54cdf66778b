import { expect, test } from 'vitest'
import { createTopicAccess } from './topic-access.ts'

const access = createTopicAccess({
  publish: ['sensors/{site}/{device}/#', '{site:home|barn}/log/{device}', 'plain/+/{channel}'],
  subscribe: ['commands/{site}/{device}/#', 'alerts/{site}/{device}', 'all/{device}/(a|b)', 'news/#'],
})
const own = { site: 'home', device: 'gauge-7' }
const lone = { site: null, device: 'gauge-7' }

test.each([
  ['sensors/home/gauge-7/rainfall', true],
  ['sensors/home/gauge-7', true],
  ['sensors/home/gauge-7/a/b/c', true],
  ['sensors/home/gauge-8/rainfall', false],
  ['sensors/barn/gauge-7/rainfall', false],
  ['sensors/home/gauge-77/rainfall', false],
  ['sensors/home', false],
  ['home/log/gauge-7', true],
  ['barn/log/gauge-7', false],
  ['plain/x/y', true],
  ['plain/x', false],
  ['alerts/home/gauge-7', false],
  ['commands/home/gauge-7/x', false],
])('device publishes to %s: %s', (topic, isAllowed) => {
  expect(access.mayPublish(own, topic)).toBe(isAllowed)
})

test.each([
  ['commands/home/gauge-7/#', true],
  ['commands/home/gauge-7', true],
  ['commands/home/gauge-7/+/x', true],
  ['alerts/home/gauge-7', true],
  ['all/gauge-7/a', true],
  ['news/#', true],
  ['news', true],
  ['commands/home/+/#', false],
  ['commands/+/gauge-7/#', false],
  ['commands/#', false],
  ['commands/{site}/{device}/#', false],
  ['alerts/home/gauge-7/#', false],
  ['alerts/home/(gauge-7|gauge-8)', false],
  ['all/gauge-7/+', false],
  ['all/gauge-7/(a|b)', false],
  ['#', false],
  ['+/home/gauge-7', false],
  ['$SYS/#', false],
  ['$share/group/commands/home/gauge-7/#', false],
  ['sensors/home/gauge-7/#', false],
])('device subscribes to %s: %s', (filter, isAllowed) => {
  expect(access.maySubscribe(own, filter)).toBe(isAllowed)
})

test('device without a site has part in no rule that names one', () => {
  expect(access.mayPublish(lone, 'sensors/home/gauge-7/rainfall')).toBe(false)
  expect(access.mayPublish(lone, 'sensors//gauge-7/rainfall')).toBe(false)
  expect(access.mayPublish(lone, 'sensors/null/gauge-7/rainfall')).toBe(false)
  expect(access.maySubscribe(lone, 'commands/home/gauge-7/#')).toBe(false)
  expect(access.maySubscribe(lone, 'commands/+/gauge-7/#')).toBe(false)
  expect(access.maySubscribe(lone, 'all/gauge-7/a')).toBe(true)
  expect(access.mayReceive(lone, 'alerts/home/gauge-7')).toBe(false)
})

test('device whose name looks like a pattern stays one device', () => {
  const odd = { site: '{site}', device: '(a|b)' }
  expect(access.mayPublish(odd, 'sensors/{site}/(a|b)/x')).toBe(true)
  expect(access.mayPublish(odd, 'sensors/home/a/x')).toBe(false)
  expect(access.maySubscribe(odd, 'commands/{site}/(a|b)/#')).toBe(true)
  expect(access.maySubscribe(odd, 'commands/home/a/#')).toBe(false)
})

test('device may receive exactly the topics of its rules', () => {
  expect(access.mayReceive(own, 'commands/home/gauge-7/reboot')).toBe(true)
  expect(access.mayReceive(own, 'commands/home/gauge-8/reboot')).toBe(false)
  expect(access.mayReceive(own, 'all/gauge-7/c')).toBe(false)
})
