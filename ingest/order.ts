/**
 * Step: what came before? Finds the place of a report in the count of its device, tells copies from news, and enters what
 * is new into sequence and ledger.
 */
import type { Counters } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import type { Record } from '../telemetry/message.ts'
import type { Reading, Report } from '../telemetry/reading.ts'
import { createDuplicates, type Placed, type Verdict } from './duplicates.ts'
import { countDuplicate, countGap, countMissing, countReceived } from './ledger.ts'
import type { Routed } from './route.ts'
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
import { clockOf, isStorable, type ReportTime } from './time.ts'
import { createWindow } from './window.ts'

export type Order = {
  /** Remembers the report, unless it is the first of its count; `newest`: its newest reading. */
  judge(record: Record, routed: Routed, report: Report, newest: Reading): { verdict: Verdict; placed: Placed | null }
  /** A report that is not new. */
  countCopy(record: Record, routed: Routed, placed: Placed | null, newest: Reading): void
  /** A report that is new. `isQuiet`: it was counted before. */
  enter(record: Record, routed: Routed, report: Report, placed: Placed | null, time: ReportTime, isQuiet: boolean): void
  /** Only what the window must know of a report that came before what is known now. */
  remember(record: Record, routed: Routed, report: Report): void
  /** A client left by itself. */
  left(client: string, position: number): void
  /** Call it with the position of each record first; `isPast`: it will only be remembered. */
  moveTo(position: number, isPast: boolean): void
}

/** Sequences of fewer bits come round too soon to tell a report by them alone. */
const exactBitsMin = 16

export function createOrder(state: State, counters: Counters): Order {
  const window = createWindow()
  const duplicates = createDuplicates(window)
  /** How far the numbers of a count have come while messages of the past are remembered. */
  const pastHighs = new WeakMap<BootCount, number>()

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
  function enter(
    record: Record,
    routed: Routed,
    report: Report,
    placed: Placed | null,
    time: ReportTime,
    isQuiet: boolean,
  ): void {
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
      const begun = beginCount(counts, report.boot ?? 0, report.sequence as number, newestMs, clockMs, record.position)
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

  function remember(record: Record, routed: Routed, report: Report): void {
    const { sequence, sequenceBits, boot } = report
    if (sequence === undefined) {
      duplicates.judge(record, report, null)
      return
    }
    const count = countOf(routed.known.counts.get(routed.stream) ?? [], boot ?? 0)
    if (count === null || record.position < count.recentFrom) return
    // Not by the highest number that is known now: a sequence of few bits has come round since.
    const high = pastHighs.get(count) ?? count.windowHighs[0]
    const unwrapped = unwrap(sequence, high, sequenceBits)
    pastHighs.set(count, Math.max(high, unwrapped))
    duplicates.remember(record, report, unwrapped, count)
  }

  function forgetIdle(count: BootCount): void {
    if (count.recent !== undefined && count.recent.window < window.index() - 1) delete count.recent
  }

  return {
    judge(record, routed, report, newest) {
      const placed = placeIn(record, routed, report, newest)
      const verdict = duplicates.judge(record, report, placed)
      if (placed !== null && verdict === 'restarted') placed.place = 'begins'
      if (placed !== null && placed.count !== null) duplicates.remember(record, report, placed.sequence, placed.count)
      return { verdict, placed }
    },
    countCopy(record, { known }, placed, newest) {
      // A clock that is believed tells its own hour; of the others only the newest report of the count is known.
      const isBelieved = placed !== null && placed.clockMs !== null && newest.timeBase === 'unix'
      const receivedMs = record.receivedAtUs / 1000
      countDuplicate(known, isBelieved ? newest.timeMs : (placed?.count?.highestMs ?? receivedMs))
    },
    enter,
    remember,
    left: duplicates.left,
    moveTo(position, isPast) {
      if (!window.moveTo(position)) return
      for (const { counts } of state.devices()) {
        for (const count of [...counts.values()].flat()) {
          forgetIdle(count)
          if (!isPast) count.windowHighs = [count.windowHighs[1], count.highest]
        }
      }
    },
  }
}
