/** What a record says of its device beyond that it lives, by the routes of now: decoded as ingest does, without a trace. */
import { createCounters } from '../telemetry/counters.ts'
import type { Record } from '../telemetry/message.ts'
import { isProblem, type Reading, type Report } from '../telemetry/reading.ts'
import type { Route } from '../telemetry/route.ts'
import type { Look, SightedValue } from '../telemetry/sighting.ts'
import { createRouter, type Routed, targetOf } from './route.ts'
import { createState } from './state.ts'
import { clockOf, newestOf } from './time.ts'
import { fieldValue } from './value.ts'

export function createLook(routes: Route[]): Look {
  const counters = createCounters()
  const state = createState(null, counters)
  const router = createRouter(routes, state)
  const asLooked = { isAgain: true, isQuiet: true }

  function valuesOf(routed: Routed, report: Report, receivedAtMs: number, into: Map<string, SightedValue>): void {
    for (const reading of report.readings) {
      const target = targetOf(routed, reading)
      // What a counter added is known by its last report only.
      if ('code' in target || target.counter !== null) continue
      const timeMs = reading.timeBase === 'unix' ? reading.timeMs : receivedAtMs
      const value = fieldValue(target, reading, timeMs, report.boot ?? null, routed.known.counters, asLooked, counters)
      if (value === null || typeof value === 'object') continue
      into.set(target.channel, { channel: target.channel, unit: target.unit, value, timeMs })
    }
  }

  /** By how much the device's clock is behind (negative) or ahead. */
  function clockErrorOf(record: Record, report: Report, routed: Routed, receivedAtMs: number): number | null {
    if (report.readings.length === 0) return null
    const newest = newestOf(report, (report.readings[0] as Reading).timeBase)
    if (newest.timeBase !== 'unix' || report.sentMs === undefined) return null
    const { aheadMsMax, behindMsMax } = routed.route
    const clockMs = clockOf(record, report, newest, { aheadMsMax, behindMsMax })
    return clockMs === null ? null : Math.round(report.sentMs - receivedAtMs)
  }

  return (record) => {
    const routed = router.find(record.topic)
    if (isProblem(routed)) return null
    const reports = routed.decode(record.payload, { topic: record.topic, memory: state.memory })
    if (isProblem(reports)) return null
    const last = reports.at(-1)
    if (last === undefined) return null
    const receivedAtMs = Math.floor(record.receivedAtUs / 1000)
    const values = new Map<string, SightedValue>()
    for (const report of reports) valuesOf(routed, report, receivedAtMs, values)
    const { site, device } = routed.known
    const { everyMs } = routed.route
    return {
      name: { site, device },
      nextS: last.nextS ?? (everyMs === null ? null : everyMs / 1000),
      values: [...values.values()],
      boot: last.boot ?? null,
      sequence: last.sequence ?? null,
      clockErrorMs: clockErrorOf(record, last, routed, receivedAtMs),
    }
  }
}
