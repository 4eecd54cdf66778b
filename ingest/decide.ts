/**
 * The steps between a record and its points: route ─▶ decode ─▶ known? ─▶ time ─▶ value. A function of the record and of
 * what the records before it left in the state.
 */
import type { Counters } from '../telemetry/counters.ts'
import { count } from '../telemetry/counters.ts'
import type { MessageProblem } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type DisconnectDetails, MessageKind, type Record } from '../telemetry/message.ts'
import type { Point, Series } from '../telemetry/point.ts'
import type { CounterEvent } from '../telemetry/quality.ts'
import { isProblem, type Reading, type Report, type Value } from '../telemetry/reading.ts'
import type { Route } from '../telemetry/route.ts'
import { createDuplicates, type Placed } from './duplicates.ts'
import { countDuplicate, countGap, countMissing, countReceived } from './ledger.ts'
import { createRouter, type Routed, type Router, targetOf } from './route.ts'
import {
  type BootCount,
  beginCount,
  countOf,
  expectedMs,
  type Gap,
  gapOf,
  placeOf,
  takeReport,
  unwrap,
} from './sequence.ts'
import type { State } from './state.ts'
import { qualitySeries, type Target, uncertaintySeries } from './target.ts'
import {
  clockOf,
  isBeforeClock,
  isStorable,
  newestOf,
  pointTime,
  type ReportTime,
  timeOf,
  unknownTime,
} from './time.ts'
import { fieldValue } from './value.ts'
import { createWindow } from './window.ts'

/** How a message ended. A problem may leave points all the same: those of its readings that have none. */
export type Outcome = 'stored' | 'duplicate' | MessageProblem

export type Decider = {
  /** Points are added to `into`; the message's own outcome is the answer. */
  decide(record: Record, into: Point[]): Outcome
  /** A quarantined message: it is no duplicate, and what was counted about it is not counted again. */
  decideAgain(record: Record, into: Point[]): Outcome
  /** As the first run did with a message of the past: only for what follows from it; no points, and nothing is told again. */
  rebuild(record: Record, isAgain: boolean): void
  /** Only what the window must know of a message that came before what is known now. */
  remember(record: Record): void
  /** A client left. */
  left(record: Record): void
  /** Call it with the position of each record first; `isPast`: it will only be remembered. */
  moveTo(position: number, isPast: boolean): void
  router(): Router
  setRoutes(routes: Route[]): void
  /** Targets that have fresh readings for pages; emptied by the caller. */
  fresh: Array<{ target: Target; routed: Routed }>
}

/** Sequences of fewer bits come round too soon to tell a report by them alone. */
const exactBitsMin = 16
/** What a report without readings says for the table of duplicates.ts. */
const silence: Reading = { channel: '', value: '', unit: '', timeBase: 'none', timeMs: 0 }

export function createDecider(routes: Route[], state: State, counters: Counters): Decider {
  const window = createWindow()
  const duplicates = createDuplicates(window)
  let router = createRouter(routes, state)
  const fresh: Decider['fresh'] = []
  /** The message being decided, so that no two decisions share a number, and whether it is of the past. */
  let message = 0
  let isQuiet = false
  /** How far the numbers of a count have come while messages of the past are remembered. */
  const pastHighs = new WeakMap<BootCount, number>()
  const onCounter = (event: CounterEvent) => {
    if (!isQuiet) count(counters.counterEvents, event)
  }

  function decide(record: Record, into: Point[], isAgain = false): Outcome {
    message++
    const routed = router.find(record.topic)
    if (isProblem(routed)) return routed
    const reports = routed.decode(record.payload, { topic: record.topic, memory: state.memory })
    if (isProblem(reports)) return reports
    let repeated = 0
    let problem: MessageProblem | null = null
    for (let i = 0; i < reports.length; i++) {
      const outcome = takeReportOf(record, routed, reports[i] as Report, into, isAgain)
      if (outcome === 'duplicate') repeated++
      else if (outcome !== 'stored') problem ??= outcome
    }
    return problem ?? (repeated > 0 && repeated === reports.length ? 'duplicate' : 'stored')
  }

  function takeReportOf(record: Record, routed: Routed, given: Report, into: Point[], isAgain: boolean): Outcome {
    const { known } = routed
    const report = withReading(given)
    if (report === null) return 'stored'
    const { readings } = report
    const newest = newestOf(report, (readings[0] as Reading).timeBase)
    const placed = placeIn(record, routed, report, newest)
    const verdict = duplicates.judge(record, report, placed)
    if (placed !== null && verdict === 'restarted') placed.place = 'begins'
    if (placed !== null && placed.count !== null) duplicates.remember(record, report, placed.sequence, placed.count)
    if (verdict === 'repeated' && !isAgain) {
      countDuplicate(known, placed?.count?.highestMs ?? record.receivedAtUs / 1000)
      return 'duplicate'
    }
    const time = timeOf(record, report, newest, routed.route, known.clocks)
    if (!isAgain || verdict !== 'repeated') enter(record, routed, report, placed, time)
    return report === given ? addPoints(record, routed, report, newest, time, into, isAgain) : 'stored'
  }

  /** A report that only counts (its device died, or measured nothing) has its place in the sequence all the same. */
  function withReading(report: Report): Report | null {
    if (report.readings.length > 0) return report
    return report.sequence === undefined ? null : { ...report, readings: [silence] }
  }

  function placeIn(record: Record, { known, stream, route }: Routed, report: Report, newest: Reading): Placed | null {
    const { sequence, sequenceBits, boot } = report
    if (sequence === undefined) return null
    const clockMs = clockOf(record, report, newest, route)
    const isExact = boot !== undefined && (sequenceBits === undefined || sequenceBits >= exactBitsMin)
    const counts = known.counts.get(stream)
    const count = counts === undefined ? null : countOf(counts, boot ?? 0)
    if (count === null) return { place: 'begins', sequence, count, isExact, clockMs }
    const unwrapped = unwrap(sequence, count.highest, sequenceBits)
    const place = placeOf(count, unwrapped, isExact ? null : clockMs)
    return { place, sequence: unwrapped, count, isExact, clockMs }
  }

  /** Sequence and ledger learn of a report that is new. */
  function enter(record: Record, routed: Routed, report: Report, placed: Placed | null, time: ReportTime): void {
    const { known, stream } = routed
    const { clockMs } = time
    const receivedMs = record.receivedAtUs / 1000
    // A time that becomes no point must become no row of the ledger.
    const newestMs = isStorable(time.newestMs) ? time.newestMs : receivedMs
    const isLate = receivedMs - newestMs > limits.lateAfterMs
    if (placed === null) {
      countReceived(known, newestMs, isLate)
      return
    }
    const { place, sequence, count } = placed
    if (count === null || place === 'begins') {
      const counts = known.counts.get(stream) ?? []
      if (counts.length === 0 && known.counts.size >= limits.streamsPerDeviceMax) {
        if (!isQuiet) counters.streamsNotRemembered++
        countReceived(known, newestMs, isLate)
        return
      }
      known.counts.set(stream, counts)
      const begun = beginCount(counts, report.boot ?? 0, report.sequence as number, newestMs, clockMs)
      duplicates.remember(record, report, begun.highest, begun)
      countReceived(known, newestMs, isLate)
      return
    }
    // Known as repeated by its number, but not by time and value: two reports that share a number are two reports.
    if (place === 'seen') {
      countReceived(known, newestMs, isLate)
      return
    }
    if (place === 'fills') countMissing(known, expectedMs(gapOf(count, sequence) as Gap, sequence), -1)
    takeReport(count, sequence, place, newestMs, clockMs)
    const found = place === 'gap' ? count.gaps.at(-1) : place === 'older' ? count.gaps[0] : undefined
    if (found !== undefined && (place === 'gap' || found.from === sequence + 1)) countGap(known, found)
    countReceived(known, newestMs, isLate || place === 'fills' || place === 'older')
  }

  function addPoints(
    record: Record,
    routed: Routed,
    report: Report,
    newest: Reading,
    reportTime: ReportTime,
    into: Point[],
    isAgain: boolean,
  ): Outcome {
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
        time = others.get(reading.timeBase) ?? otherTime(record, routed, report, reading, others)
      } else if (isBeforeClock(reading, time)) time = unknownTime(record, reading, time)
      problem = addPoint(record, routed, report, reading, target, time, into, isAgain) ?? problem
    }
    return problem ?? 'stored'
  }

  /** A payload may tell the times of its readings in more than one way. */
  function otherTime(record: Record, routed: Routed, report: Report, reading: Reading, times: Map<string, ReportTime>) {
    const newest = newestOf(report, reading.timeBase)
    const time = timeOf(record, report, newest, routed.route, routed.known.clocks)
    times.set(reading.timeBase, time)
    return time
  }

  function addPoint(
    record: Record,
    routed: Routed,
    report: Report,
    reading: Reading,
    target: Target,
    time: ReportTime,
    into: Point[],
    isAgain: boolean,
  ): MessageProblem | null {
    if (target.nthMessage !== message) {
      target.nthMessage = message
      target.nth = 0
    }
    const timeNs = pointTime(record, report, time, reading, target.nth++)
    if (timeNs === null) {
      const detail = `${reading.timeMs} ms (${reading.timeBase}) lies outside 1970 to 2262`
      return { code: 'bad_time', detail }
    }
    const timeMs = Math.floor(reading.timeMs + time.shiftUs / 1000)
    const value = fieldValue(target, reading, timeMs, report.boot ?? null, routed.known.counters, onCounter, isAgain)
    if (value === null) return null
    if (typeof value === 'object') return value
    const { position } = record
    into.push({ series: target.series, timeNs, value, position })
    if (time.quality !== null) tellQuality(target, time, timeNs, position, into)
    if (isQuiet) return null
    if (target.fresh === null) {
      target.fresh = { timeMs, value }
      fresh.push({ target, routed })
    } else if (timeMs >= target.fresh.timeMs) {
      target.fresh.timeMs = timeMs
      target.fresh.value = value
    }
    return null
  }

  function tellQuality(target: Target, time: ReportTime, timeNs: bigint, position: number, into: Point[]): void {
    const { quality, uncertaintyMs } = time
    if (quality === null) return
    if (!isQuiet) count(counters.timesMended, quality)
    // Reckoned well enough is nothing to be told.
    if (quality === 'uptime' && uncertaintyMs === null) return
    const tell = (series: Series, value: Value) => into.push({ series, timeNs, value, position })
    tell(qualitySeries(target), quality)
    if (uncertaintyMs !== null) tell(uncertaintySeries(target), uncertaintyMs)
  }

  function remember(record: Record): void {
    const routed = router.find(record.topic)
    if (isProblem(routed)) return
    const reports = routed.decode(record.payload, { topic: record.topic, memory: state.memoryOfThePast })
    if (isProblem(reports)) return
    for (const report of reports.map(withReading)) {
      if (report === null) continue
      const { sequence, sequenceBits, boot } = report
      if (sequence === undefined) {
        duplicates.judge(record, report, null)
        continue
      }
      const count = countOf(routed.known.counts.get(routed.stream) ?? [], boot ?? 0)
      if (count === null) continue
      // Not by the highest number that is known now: a sequence of few bits has come round since.
      const high = pastHighs.get(count) ?? count.windowHighs[0]
      const unwrapped = unwrap(sequence, high, sequenceBits)
      pastHighs.set(count, Math.max(high, unwrapped))
      duplicates.remember(record, report, unwrapped, count)
    }
  }

  function forgetIdle(count: BootCount): void {
    if (count.recent !== undefined && count.recent.window < window.index() - 1) delete count.recent
  }

  return {
    decide: (record, into) => decide(record, into),
    decideAgain: (record, into) => decide(record, into, true),
    rebuild(record, isAgain) {
      isQuiet = true
      decide(record, [], isAgain)
      isQuiet = false
    },
    remember,
    left(record) {
      if (record.kind !== MessageKind.disconnect) return
      const { reason } = JSON.parse(record.payload.toString()) as DisconnectDetails
      if (reason === 'client') duplicates.left(record.client, record.position)
    },
    moveTo(position, isPast) {
      if (!window.moveTo(position)) return
      for (const { counts } of state.devices()) {
        for (const boots of counts.values()) {
          for (const count of boots) {
            forgetIdle(count)
            if (!isPast) count.windowHighs = [count.windowHighs[1], count.highest]
          }
        }
      }
    },
    router: () => router,
    setRoutes(next) {
      router = createRouter(next, state)
    },
    fresh,
  }
}
