/** The engine's parts by themselves, where their edges lie. */
import { expect, test } from 'vitest'
import type { Alert } from '../../telemetry/alert.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { t0 } from './engine.fake.ts'
import { createHistory } from './history.ts'
import { isBeyond } from './measures.ts'
import { pointsOf } from './points.ts'
import { matches } from './rules.ts'
import { isOpen, opensAtMs } from './schedule.ts'
import { createTimers } from './timers.ts'

const alert: Alert = {
  id: 'x',
  rule: 'low',
  severity: 'info',
  labels: {},
  subject: { kind: 'device', site: 'a', device: '1' },
  state: 'firing',
  title: 'a/1: voltage is 3 V',
  why: 'voltage is 3 V, at least 3.4 V wanted',
  value: 3,
  unit: 'V',
  channel: 'voltage',
  beganAtMs: t0,
  firedAtMs: t0,
  resolvedAtMs: null,
  acknowledged: null,
  mutedUntilMs: null,
  suppressed: null,
  devices: [],
}

test('timers come in order of time, replaced and cancelled ones not at all', () => {
  const timers = createTimers([['saved', 5]])
  for (let i = 0; i < 5_000; i++) timers.set(`moved ${i % 10}`, 100 - (i % 97))
  timers.set('gone', 1)
  timers.cancel('gone')
  timers.set('b', 2)
  timers.set('a', 2)
  expect(timers.nextMs()).toBe(2)
  const taken: Array<[string, number]> = []
  for (let due = timers.takeDue(1_000); due !== null; due = timers.takeDue(1_000)) taken.push([due.name, due.atMs])
  expect(taken.slice(0, 3)).toEqual([
    ['a', 2],
    ['b', 2],
    ['saved', 5],
  ])
  expect(taken).toHaveLength(13)
  expect(taken.map(([, atMs]) => atMs)).toEqual(taken.map(([, atMs]) => atMs).sort((a, b) => a - b))
  expect(timers.save()).toEqual([])
})

test.each([
  ['', 'anything', true],
  ['a', 'a', true],
  ['a', 'ab', false],
  ['*', '', true],
  ['north-*', 'north-', true],
  ['*-*-*', 'a-b', false],
  ['a*a', 'a', false],
  ['a*b*c', 'a-b-b-c', true],
  [`${'*a'.repeat(50)}b`, 'a'.repeat(10_000), false],
] as const)('pattern %j matches %.20j: %j', (pattern, text, isMatch) => {
  expect(matches(pattern, text)).toBe(isMatch)
})

test('a schedule over midnight belongs to the day it begins on', () => {
  // t0 is a Monday.
  const night = { days: [1], fromMinute: 22 * 60, toMinute: 5 * 60 }
  const at = (hours: number) => t0 + hours * 3_600_000
  expect([4, 21.9, 22, 28.9, 29].map((hours) => isOpen(night, at(hours)))).toEqual([false, false, true, true, false])
  expect(opensAtMs(night, at(0))).toBe(at(22))
  expect(opensAtMs(night, at(22))).toBe(at(22 + 7 * 24))
  expect(opensAtMs({ ...night, days: [] }, at(0))).toBeNull()
  expect(isOpen({ days: [1], fromMinute: 0, toMinute: 0 }, at(23.9))).toBe(true)
})

test('a value between two bounds is beyond none, and one clear belongs to one bound only', () => {
  const both = { above: 10, below: 0, clear: 5 }
  expect([-1, 0, 7, 10, 11].map((value) => isBeyond(both, value, true))).toEqual([true, false, false, false, true])
  expect(isBeyond({ above: 10, below: null, clear: 5 }, 5, true)).toBe(false)
  expect(isBeyond({ above: 10, below: null, clear: 5 }, 6, true)).toBe(true)
  expect(isBeyond({ above: 10, below: null, clear: 5 }, 6, false)).toBe(false)
})

test('alerts become points with tags that a store can take', () => {
  const points = pointsOf(alert, t0, 7)
  expect(points.map(({ series, value }) => [series.field, value])).toEqual([
    ['state', 'firing'],
    ['why', alert.why],
    ['suppressed', 'none'],
    ['id', 'x'],
    ['value', 3],
  ])
  expect(points[0]).toMatchObject({ timeNs: BigInt(t0) * 1_000_000n, position: 7 })
  expect(points[0]?.series.tags).toEqual([
    ['device', '1'],
    ['rule', 'low'],
    ['severity', 'info'],
    ['site', 'a'],
  ])
  const subject = { kind: 'group', factor: 'ourselves', name: '', silent: 3, of: 4 } as const
  const tags = pointsOf({ ...alert, subject }, t0, 0)[0]?.series.tags
  expect(tags).toEqual([
    ['factor', 'ourselves'],
    ['rule', 'low'],
    ['severity', 'info'],
  ])
})

test('history keeps the newest, and counts what it forgets', () => {
  const counters = createCounters()
  const history = createHistory(null, counters)
  for (let i = 0; i < limits.alertsResolvedMax + 3; i++) history.resolved({ ...alert, id: String(i) })
  for (let i = 0; i < limits.auditEntriesMax + 2; i++)
    history.did({ atMs: i, by: 'ann', action: 'mute', on: 'x', detail: '' })
  expect(history.alerts()).toHaveLength(limits.alertsResolvedMax)
  expect(history.alerts()[0]?.id).toBe(String(limits.alertsResolvedMax + 2))
  expect(history.audit()).toHaveLength(limits.auditEntriesMax)
  expect(counters.alerts).toEqual({ forgotten: 3, auditForgotten: 2 })
})
