import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { createWorld, hour, minute, offlineRule, ruleOf, t0 } from './engine.fake.ts'

const grace = limits.alertGraceMs

test('a device that breaks off is told of once when it stays away, and its return too', () => {
  const world = createWorld([offlineRule({ notify: ['mqtt'] })], { 'a/1': [] })
  world.state('a/1', 'online', t0 - 1000)
  world.state('a/1', 'offline', t0)
  world.engine.advance(t0 + grace - 1)
  expect(world.heard()).toEqual([])
  expect(world.engine.dueMs()).toBe(t0 + grace)
  world.engine.advance(t0 + grace)
  expect(world.heard()).toEqual([`mqtt fired +${grace}: a/1 is offline`])
  world.state('a/1', 'lost', t0 + minute)
  world.engine.advance(t0 + hour)
  expect(world.heard()).toEqual([])
  expect(world.standing()).toMatchObject([{ title: 'a/1 is lost', why: 'it is lost', beganAtMs: t0, state: 'firing' }])
  const [{ id } = { id: '' }] = world.standing()
  world.state('a/1', 'online', t0 + 2 * hour)
  expect(world.heard()).toEqual([`mqtt resolved +${2 * hour}: a/1 is lost`])
  expect(world.engine.list()).toMatchObject([{ id, state: 'resolved', resolvedAtMs: t0 + 2 * hour }])
  expect(world.changes.map(({ state }) => state)).toEqual(['firing', 'resolved'])
})

test('a device that is back within the grace, or left by its own wish, makes no alert', () => {
  const world = createWorld([offlineRule()], { 'a/1': [] })
  world.state('a/1', 'offline', t0)
  world.state('a/1', 'online', t0 + grace - 1)
  world.state('a/1', 'offline', t0 + minute, { isAlerting: false })
  world.engine.advance(t0 + hour)
  expect(world.heard()).toEqual([])
  expect(world.engine.list()).toEqual([])
})

test('a rule tells only of devices that its patterns name', () => {
  const world = createWorld([offlineRule({ site: 'north-*', device: '*-roof-*' })], {})
  const keys = ['north-1/a-roof-b', 'north-1/a-roof', 'south/a-roof-b', 'north/x-roof-y']
  for (const [i, key] of keys.entries()) world.state(key, 'lost', t0 + i * 20 * minute)
  world.engine.advance(t0 + 2 * hour)
  expect(world.heard()).toEqual([`ops fired +${grace}: north-1/a-roof-b is lost`])
})

test('a threshold holds until the value has passed where it clears', () => {
  const world = createWorld([ruleOf({ kind: 'threshold', channel: 'voltage', above: null, below: 3.4, clear: 3.5 })])
  const values = [3.6, 3.39, 3.45, 3.3, 3.49, 3.5, 3.45, 3.4]
  for (const [i, value] of values.entries()) world.value('a/1', 'voltage', value, t0 + i)
  expect(world.heard()).toEqual(['ops fired +1: a/1: voltage is 3.39 V', 'ops resolved +5: a/1: voltage is 3.49 V'])
  expect(world.changes[0]).toMatchObject({ value: 3.39, unit: 'V', channel: 'voltage' })
})

test('a threshold with for tells only when it lasts', () => {
  const rule = ruleOf(
    { kind: 'threshold', channel: 'door', above: 0.5, below: null, clear: null },
    { forMs: 10 * minute },
  )
  const world = createWorld([rule])
  world.value('a/1', 'door', true, t0)
  expect(world.engine.list()).toMatchObject([{ state: 'pending' }])
  world.value('a/1', 'door', false, t0 + 9 * minute)
  expect(world.engine.list()).toEqual([])
  world.value('a/1', 'door', true, t0 + 20 * minute)
  world.value('a/1', 'door', 'text says nothing', t0 + 25 * minute)
  world.engine.advance(t0 + hour)
  expect(world.heard()).toEqual([`ops fired +${30 * minute}: a/1: door is 1 V`])
})

test('a rate tells of a rise within its time, and not of the same rise over a longer one', () => {
  const world = createWorld([ruleOf({ kind: 'rate', channel: 'rain', perMs: hour, above: 50, below: null, clear: 10 })])
  for (let i = 0; i <= 20; i++) world.value('a/1', 'rain', i * 10, t0 + i * 15 * minute)
  expect(world.heard()).toEqual([])
  world.value('a/1', 'rain', 260, t0 + 5 * hour + minute)
  expect(world.heard()).toEqual([`ops fired +${5 * hour + minute}: a/1: rain rose by 90 V within 1h`])
  world.value('a/1', 'rain', 0, t0 + 5 * hour + 2 * minute, t0)
  world.value('a/1', 'rain', 260, t0 + 7 * hour)
  expect(world.heard()).toEqual([`ops resolved +${7 * hour}: a/1: rain rose by 90 V within 1h`])
})

test('completeness tells when reports of the hours that count are missing', () => {
  const world = createWorld([ruleOf({ kind: 'completeness', overMs: 2 * hour, below: 0.9, clear: null })])
  const hours = [
    [10, 10],
    [10, 8],
    [10, 7],
    [10, 10],
    [10, 10],
  ] as const
  for (const [i, [expected, received]] of hours.entries())
    world.engine.completeness({ site: 'a', device: '1' }, t0 + i * hour, { expected, received }, t0 + i * hour)
  expect(world.heard()).toEqual([
    `ops fired +${2 * hour}: a/1: 75 % of its reports came`,
    `ops resolved +${4 * hour}: a/1: 85 % of its reports came`,
  ])
})

test('no data is told when a channel stays away, and over when it comes; our own time away does not count', () => {
  const world = createWorld([ruleOf({ kind: 'no-data', channel: 'rain', forMs: 2 * hour })])
  world.state('a/1', 'online', t0)
  world.value('a/1', 'rain', 1, t0 + hour)
  world.value('a/1', 'voltage', 1, t0 + 2 * hour)
  world.engine.advance(t0 + 3 * hour - 1)
  expect(world.heard()).toEqual([])
  world.engine.advance(t0 + 3 * hour)
  expect(world.heard()).toEqual([`ops fired +${3 * hour}: a/1: no rain for 2h`])
  world.value('a/1', 'rain', 1, t0 + 4 * hour)
  expect(world.heard()).toEqual([`ops resolved +${4 * hour}: a/1: no rain for 2h`])
  world.engine.wasDown(t0 + 4 * hour, t0 + 10 * hour)
  world.engine.advance(t0 + 12 * hour - 1)
  expect(world.heard()).toEqual([])
  world.engine.advance(t0 + 12 * hour)
  expect(world.heard()).toHaveLength(1)
})

test('a rule with a schedule tells when its hours begin, if it is still true', () => {
  const schedule = { days: [1, 2, 3, 4, 5], fromMinute: 8 * 60, toMinute: 18 * 60 }
  const world = createWorld([offlineRule({ schedule })], {})
  world.state('a/1', 'lost', t0 + hour)
  world.state('a/2', 'lost', t0 + hour)
  world.engine.advance(t0 + 2 * hour)
  expect(world.standing().map((it) => it.suppressed)).toEqual(['schedule', 'schedule'])
  world.state('a/2', 'online', t0 + 3 * hour)
  world.engine.advance(t0 + 9 * hour)
  expect(world.heard()).toEqual([`ops fired +${8 * hour}: a/1 is lost`])
})

test('maintenance keeps alerts listed and untold, and tells what is left when it ends', () => {
  const window = { site: 'a', device: '', fromMs: t0, toMs: t0 + hour, note: 'new gateway' }
  const world = createWorld([offlineRule()], {}, [window])
  world.state('a/1', 'offline', t0 + 1)
  world.state('a/2', 'offline', t0 + 2)
  world.engine.advance(t0 + minute)
  expect(world.standing()).toMatchObject([{ suppressed: 'maintenance' }, { suppressed: 'maintenance' }])
  world.state('a/2', 'online', t0 + 2 * minute)
  world.engine.advance(t0 + 2 * hour)
  expect(world.heard()).toEqual([`ops fired +${hour}: a/1 is offline`])
  expect(world.engine.maintenance.list()).toEqual([])

  const times = { fromMs: t0 + 2 * hour, toMs: t0 + 9 * hour }
  const added = world.engine.maintenance.add({ site: '', device: '3', ...times, by: 'ann', note: '' })
  world.state('b/3', 'offline', t0 + 3 * hour)
  world.engine.advance(t0 + 4 * hour)
  expect(world.heard()).toEqual([])
  expect(world.engine.maintenance.end(added?.id ?? '', 'bob')).not.toBeNull()
  expect(world.heard()).toEqual([`ops fired +${4 * hour}: b/3 is offline`])
  expect(world.engine.audit().map(({ by, action, on }) => [by, action, on])).toEqual([
    ['bob', 'maintenance', '*/3'],
    ['ann', 'maintenance', '*/3'],
  ])
})

test('reminders and escalation come until somebody acknowledges', () => {
  const rule = offlineRule({ escalate: { afterMs: 30 * minute, notify: ['boss'] }, remindMs: hour })
  const world = createWorld([rule], {})
  world.state('a/1', 'offline', t0 - grace)
  world.engine.advance(t0 + hour)
  expect(world.heard().map((line) => line.split(':')[0])).toEqual([
    'ops fired +0',
    `boss escalated +${30 * minute}`,
    `ops reminder +${hour}`,
    `boss reminder +${hour}`,
  ])
  const id = world.standing()[0]?.id ?? ''
  expect(world.engine.acknowledge(id, 'ann', 'on my way')?.acknowledged).toEqual({
    by: 'ann',
    atMs: t0 + hour,
    note: 'on my way',
  })
  expect(world.engine.acknowledge('unknown', 'ann', '')).toBeNull()
  world.engine.advance(t0 + 9 * hour)
  expect(world.heard()).toEqual([])
  world.state('a/1', 'online', t0 + 10 * hour)
  expect(world.heard().map((line) => line.split(':')[0])).toEqual([
    `ops resolved +${10 * hour}`,
    `boss resolved +${10 * hour}`,
  ])

  // An acknowledgement is of one outage.
  world.state('a/1', 'offline', t0 + 11 * hour)
  world.engine.advance(t0 + 11.6 * hour)
  expect(world.heard().map((line) => line.split(' +')[0])).toEqual(['ops fired', 'boss escalated'])
})

test('a mute keeps a rule silent about its device over the next outage, and what lasts is told when it ends', () => {
  const world = createWorld([offlineRule({ remindMs: minute })], {})
  world.state('a/1', 'offline', t0 - grace)
  world.engine.advance(t0)
  expect(world.engine.mute(world.standing()[0]?.id ?? '', 'ann', t0 + hour)?.mutedUntilMs).toBe(t0 + hour)
  world.heard()
  world.engine.advance(t0 + 10 * minute)
  expect(world.heard()).toEqual([])
  // Who was told of its beginning is told of its end.
  world.state('a/1', 'online', t0 + 20 * minute)
  expect(world.heard()).toHaveLength(1)
  world.state('a/1', 'offline', t0 + 30 * minute)
  world.engine.advance(t0 + 40 * minute)
  expect(world.standing()).toMatchObject([{ suppressed: 'mute', mutedUntilMs: t0 + hour }])
  expect(world.heard()).toEqual([])
  world.engine.advance(t0 + hour)
  expect(world.heard()).toEqual([`ops fired +${hour}: a/1 is offline`])
})

test('a device that comes and goes gets one alert that stays until it is quiet', () => {
  const world = createWorld([offlineRule()], {})
  for (let i = 0; i < 12; i++) {
    world.state('a/1', 'offline', t0 + i * minute)
    world.state('a/1', 'online', t0 + i * minute + 30_000)
  }
  const told = world.heard()
  expect(told).toHaveLength(11)
  expect(told.at(-1)).toBe(`ops fired +${5 * minute + grace}: flapping, 6 times in 15min: a/1 is offline`)
  expect(world.standing()).toMatchObject([{ title: 'flapping, 12 times in 15min: a/1 is offline', suppressed: null }])
  expect(world.changes.filter(({ title }) => title.startsWith('flapping'))).toHaveLength(14)
  const quietAtMs = 11 * minute + 30_000 + limits.flapWindowMs
  world.engine.advance(t0 + quietAtMs - 1)
  expect(world.heard()).toEqual([])
  world.engine.advance(t0 + quietAtMs)
  expect(world.heard()).toEqual([`ops resolved +${quietAtMs}: flapping, 12 times in 15min: a/1 is offline`])
})

test('alerts of a rule that is gone or means something else are over after a restart', () => {
  const world = createWorld([offlineRule()], {})
  world.state('a/1', 'offline', t0)
  world.engine.advance(t0 + minute)
  world.heard()
  world.restart([offlineRule({ severity: 'critical' })])
  expect(world.heard()).toEqual([])
  expect(world.standing()).toMatchObject([{ severity: 'critical' }])
  world.restart([offlineRule({ site: 'b' })])
  expect(world.heard()).toEqual([`ops resolved +${minute}: a/1 is offline`])
  expect(world.standing()).toEqual([])
})
