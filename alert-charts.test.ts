import { expect, test } from 'vitest'
import { chartsOf } from './alert-charts.ts'
import { alertOf, atMs } from './liveness/notify/notification.fake.ts'
import type { AlertCondition, AlertRule } from './telemetry/alert.ts'
import { limits } from './telemetry/limits.ts'
import type { RangeQuery, TimedValue } from './telemetry/query.ts'

const rule = (condition: AlertCondition): AlertRule => ({
  name: 'offline',
  condition,
  ...{ site: '', device: '', forMs: 0, severity: 'warning', labels: {}, schedule: null, notify: [], escalate: null },
  remindMs: null,
})
const below: AlertCondition = { kind: 'threshold', channel: 'battery', above: null, below: 2.4, clear: null }

function charts(condition: AlertCondition, stored: TimedValue[]) {
  const asked: RangeQuery[] = []
  const store = {
    async readings(range: RangeQuery) {
      asked.push(range)
      return stored
    },
  }
  return { asked, chartOf: chartsOf(store, [rule(condition)], () => 'V') }
}

test('chart holds the last hours of the channel, the threshold, and the value that is not stored yet', async () => {
  const { asked, chartOf } = charts(below, [{ timeMs: atMs - 120_000, value: 2.5 }])
  expect(await chartOf(alertOf(), atMs)).toEqual({
    unit: 'V',
    threshold: 2.4,
    points: [
      [atMs - 120_000, 2.5],
      [atMs - 60_000, 2.31],
    ],
  })
  const range = { site: 'north', device: 'well-3', channel: 'battery', fromMs: atMs - limits.alertChartMs, toMs: atMs }
  expect(asked).toEqual([range])
})

test('chart has nothing twice when the value is stored, and leaves out what is no number', async () => {
  const stored = [
    { timeMs: atMs - 90_000, value: 'broken' },
    { timeMs: atMs - 60_000, value: 2.31 },
  ]
  expect((await charts(below, stored).chartOf(alertOf(), atMs))?.points).toEqual([[atMs - 60_000, 2.31]])
})

test('chart of missing data has the unit of its route, no threshold, and no value made up', async () => {
  const { chartOf } = charts({ kind: 'no-data', channel: 'battery', forMs: 1000 }, [{ timeMs: 1, value: 3 }])
  const alert = alertOf({ unit: '', value: null })
  expect(await chartOf(alert, atMs)).toEqual({ unit: 'V', threshold: null, points: [[1, 3]] })
})

test('nothing is asked for an alert that is about no channel, or about many devices', async () => {
  const { asked, chartOf } = charts(below, [])
  expect(await chartOf(alertOf({ channel: '' }), atMs)).toBeNull()
  const group = { kind: 'group' as const, factor: 'site' as const, name: 'north', silent: 3, of: 4 }
  expect(await chartOf(alertOf({ subject: group }), atMs)).toBeNull()
  expect(asked).toEqual([])
})
