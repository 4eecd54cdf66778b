/** Step: the readings of a report become points: time (time.ts), value (value.ts), and what is to be said about the time. */
import { type Counters, count } from '../telemetry/counters.ts'
import type { MessageProblem } from '../telemetry/errors.ts'
import type { Record } from '../telemetry/message.ts'
import type { Point, Series } from '../telemetry/point.ts'
import type { Reading, Report, Value } from '../telemetry/reading.ts'
import { type Routed, targetOf } from './route.ts'
import { qualitySeries, type Target, uncertaintySeries } from './target.ts'
import { isBeforeClock, newestOf, pointTime, type ReportTime, timeOf, unknownTime } from './time.ts'
import { fieldValue } from './value.ts'

/** One message on its way through the steps. */
export type Decision = {
  record: Record
  routed: Routed
  /** Tells it from every other decision. */
  number: number
  into: Point[]
  /** The message was quarantined, and perhaps counted then. */
  isAgain: boolean
  /** It was decided before: only for what follows from it; nothing is told or counted again. */
  isQuiet: boolean
}

export type Points = {
  /** `newest`: the reading that `time` was made for. Answers the first problem; the points of the other readings stand. */
  add(decision: Decision, report: Report, newest: Reading, time: ReportTime): MessageProblem | null
  /** Targets that have fresh readings for pages; emptied by the caller. */
  fresh: Array<{ target: Target; routed: Routed }>
}

export function createPoints(counters: Counters): Points {
  const fresh: Points['fresh'] = []

  function add(decision: Decision, report: Report, newest: Reading, reportTime: ReportTime): MessageProblem | null {
    const { record, routed } = decision
    let problem: MessageProblem | null = null
    let others: Map<string, ReportTime> | null = null
    for (const reading of report.readings) {
      const target = targetOf(routed, reading)
      if ('code' in target) {
        problem ??= target
        continue
      }
      let time = reportTime
      if (reading.timeBase !== newest.timeBase) {
        others ??= new Map()
        time = others.get(reading.timeBase) ?? otherTime(decision, report, reading, others)
      } else if (isBeforeClock(reading, time)) time = unknownTime(record, reading, time)
      problem = addPoint(decision, report, reading, target, time) ?? problem
    }
    return problem
  }

  /** A payload may tell the times of its readings in more than one way. */
  function otherTime({ record, routed }: Decision, report: Report, reading: Reading, times: Map<string, ReportTime>) {
    const newest = newestOf(report, reading.timeBase)
    const time = timeOf(record, report, newest, routed.route, routed.known.clocks)
    times.set(reading.timeBase, time)
    return time
  }

  function addPoint(
    decision: Decision,
    report: Report,
    reading: Reading,
    target: Target,
    time: ReportTime,
  ): MessageProblem | null {
    const { record, routed, number, into, isQuiet } = decision
    if (target.nthDecision !== number) {
      target.nthDecision = number
      target.nth = 0
    }
    const timeNs = pointTime(record, report, time, reading, target.nth++)
    if (timeNs === null) {
      const detail = `${reading.timeMs} ms (${reading.timeBase}) lies outside 1970 to 2262`
      return { code: 'bad_time', detail }
    }
    const timeMs = Math.floor(reading.timeMs + time.shiftUs / 1000)
    const value = fieldValue(target, reading, timeMs, report.boot ?? null, routed.known.counters, decision, counters)
    if (value === null) return null
    if (typeof value === 'object') return value
    const { position } = record
    into.push({ series: target.series, timeNs, value, position })
    if (time.quality !== null) tellQuality(decision, target, time, timeNs)
    if (!isQuiet) refresh(target, routed, timeMs, value)
    return null
  }

  /** Latest by its own time: a late reading does not push a newer one aside. */
  function refresh(target: Target, routed: Routed, timeMs: number, value: Value): void {
    if (target.fresh === null) {
      target.fresh = { timeMs, value }
      fresh.push({ target, routed })
    } else if (timeMs >= target.fresh.timeMs) {
      target.fresh.timeMs = timeMs
      target.fresh.value = value
    }
  }

  function tellQuality({ record, into, isQuiet }: Decision, target: Target, time: ReportTime, timeNs: bigint): void {
    const { quality, uncertaintyMs } = time
    if (quality === null) return
    if (!isQuiet) count(counters.timesMended, quality)
    // Reckoned well enough is nothing to be told.
    if (quality === 'uptime' && uncertaintyMs === null) return
    const tell = (series: Series, value: Value) => into.push({ series, timeNs, value, position: record.position })
    tell(qualitySeries(target), quality)
    if (uncertaintyMs !== null) tell(uncertaintySeries(target), uncertaintyMs)
  }

  return { add, fresh }
}
