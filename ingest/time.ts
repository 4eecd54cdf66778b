/**
 * Step: the times of a report's readings. Stores keep one value per series and time, so two readings of a series must
 * not share one, and a replay must come to the same time again. The device's resolution is milliseconds, at best
 * microseconds; the digits below are ours, and come from the record alone:
 *
 * - by the device's own clock: boot and sequence, so that a report that is sent again is the same points; without a sequence
 *   the ordinal, so that readings of a clock that stands still are kept apart;
 * - by the time of receipt: the journal's, which grows from record to record, and the ordinal below it.
 *
 * A clock that is ahead, or still in 1970, is not believed: its readings count back from the receipt, at the distances that
 * it tells. A time in the past is believed: devices send late.
 */

import { limits } from '../telemetry/limits.ts'
import type { Record } from '../telemetry/message.ts'
import { timeMsMax } from '../telemetry/point.ts'
import type { TimeQuality } from '../telemetry/quality.ts'
import type { Reading, Report, TimeBase } from '../telemetry/reading.ts'
import { type BootClock, fitBootClock, isRestart, uncertaintyMs } from './boot-clock.ts'

/** What a route says about clocks. */
export type TimeRule = { aheadMsMax: number; behindMsMax: number | null }

/** The time of a report: what must be added to the device's own time, and what is to be said about it. */
export type ReportTime = {
  /** Microseconds since 1970 = the reading's time * 1000 + this. */
  shiftUs: number
  /** Whether the times are the device's own, so that a report that is sent again has the same ones. */
  isDevices: boolean
  quality: TimeQuality | null
  uncertaintyMs: number | null
  /** When the newest reading was measured, milliseconds since 1970, and by the device's own clock where it has one. */
  newestMs: number
  clockMs: number | null
}

/** A clock that was never set counts from 1970, or from the day its firmware was built. */
const clockSetFromMs = Date.UTC(2000, 0, 1)
export const isStorable = (timeMs: number): boolean => timeMs >= 0 && timeMs <= timeMsMax

/** The newest reading of a report, among those whose time counts from the same. */
export function newestOf({ readings }: Report, timeBase: TimeBase): Reading {
  let newest: Reading | null = null
  for (const reading of readings) {
    if (reading.timeBase === timeBase && (newest === null || reading.timeMs > newest.timeMs)) newest = reading
  }
  return newest as Reading
}

/** The device's own word on when it measured; null when it has no clock that lasts from report to report, or a wrong one. */
export function clockOf(record: Record, report: Report, newest: Reading, rule: TimeRule): number | null {
  const { timeBase, timeMs } = newest
  if (timeBase === 'boot') return isUptime(record, report, timeMs) ? timeMs : null
  return timeBase === 'unix' && countedBack(report, timeMs, record.receivedAtUs / 1000, rule) === null ? timeMs : null
}

/** One shape, made in one place: this runs for every report. */
const reportTime = (
  shiftUs: number,
  isDevices: boolean,
  newestMs: number,
  clockMs: number | null,
  quality: TimeQuality | null,
  uncertaintyMs: number | null,
): ReportTime => ({ shiftUs, isDevices, newestMs, clockMs, quality, uncertaintyMs })

/** `clocks`: what is known of the boots of the device; a report that tells its uptime adds to it. */
export function timeOf(
  record: Record,
  report: Report,
  newest: Reading,
  rule: TimeRule,
  clocks: BootClock[],
): ReportTime {
  const { receivedAtUs } = record
  const receivedMs = receivedAtUs / 1000
  const { timeMs } = newest
  switch (newest.timeBase) {
    case 'none':
      return reportTime(receivedAtUs, false, receivedMs, null, null, null)
    case 'now':
      return reportTime(receivedAtUs, false, receivedMs + timeMs, null, null, null)
    case 'boot': {
      if (!isUptime(record, report, timeMs)) {
        const shiftUs = receivedAtUs - Math.round(timeMs * 1000)
        return reportTime(shiftUs, false, receivedMs, null, 'corrected', null)
      }
      const clock = clockFor(report.boot, report.sentMs ?? timeMs, receivedMs, clocks)
      const startMs = Math.round(clock.startMs)
      const uncertain = uncertaintyMs(clock, receivedMs)
      const told = uncertain >= limits.timeUncertaintyMsTold ? uncertain : null
      return reportTime(startMs * 1000, true, startMs + timeMs, timeMs, 'uptime', told)
    }
    case 'unix': {
      const agoMs = countedBack(report, timeMs, receivedMs, rule)
      if (agoMs === null) {
        return reportTime(0, true, timeMs, timeMs, doubtOf(report, timeMs, receivedMs, rule), null)
      }
      const shiftUs = receivedAtUs - Math.round((timeMs - agoMs) * 1000)
      return reportTime(shiftUs, false, receivedMs + agoMs, null, 'corrected', null)
    }
  }
}

/** No device has been up since before 2000: such a number would spoil the clock of its whole boot. */
const isUptime = ({ receivedAtUs }: Record, { sentMs }: Report, timeMs: number) =>
  receivedAtUs / 1000 - Math.max(sentMs ?? timeMs, timeMs) >= clockSetFromMs

/** How long before the receipt the newest reading was taken (0 or negative) when the clock is wrong; null when it is right. */
function countedBack(report: Report, newestMs: number, receivedMs: number, rule: TimeRule): number | null {
  const { sentMs } = report
  if (sentMs !== undefined) {
    const underwayMs = receivedMs - sentMs
    if (underwayMs < -rule.aheadMsMax || underwayMs > limits.underwayMsMax) return Math.min(0, newestMs - sentMs)
  }
  return newestMs < clockSetFromMs || newestMs - receivedMs > rule.aheadMsMax ? 0 : null
}

/** What is to be said of a time that is believed. */
function doubtOf({ sentMs }: Report, newestMs: number, receivedMs: number, rule: TimeRule): TimeQuality | null {
  if (rule.behindMsMax !== null && receivedMs - newestMs > rule.behindMsMax) return 'old'
  return sentMs !== undefined && receivedMs - sentMs > rule.aheadMsMax ? 'delayed' : null
}

/** A reading from before the device's clock was set, in a report from after it. */
export const isBeforeClock = (reading: Reading, time: ReportTime): boolean =>
  reading.timeBase === 'unix' && reading.timeMs < clockSetFromMs && time.quality !== 'corrected'

/** Nobody knows when such a reading was taken: it stands at the receipt, and says so. */
export const unknownTime = (record: Record, reading: Reading, time: ReportTime): ReportTime => ({
  ...time,
  shiftUs: record.receivedAtUs - Math.round(reading.timeMs * 1000),
  isDevices: false,
  quality: 'corrected',
})

/** Whoever tells no boot number has the number 0 in each. */
function clockFor(told: number | undefined, uptimeMs: number, receivedMs: number, clocks: BootClock[]): BootClock {
  const boot = told ?? 0
  const at = clocks.findIndex((clock) => clock.boot === boot)
  let known = at === -1 ? null : (clocks[at] as BootClock)
  if (known !== null && told === undefined && isRestart(known, uptimeMs, receivedMs)) known = null
  const fitted = fitBootClock(known, boot, uptimeMs, receivedMs)
  if (at !== -1) clocks[at] = fitted
  else {
    if (clocks.length >= limits.bootsRemembered) clocks.shift()
    clocks.push(fitted)
  }
  return fitted
}

/** Distance of the readings of one message that share a time and series: prime, so that sequences stay apart. */
const apart = 7919
/**
 * The same for boots: a clock that begins anew with each start, or the uptimes of messages that were kept and come together,
 * give the first reports of all boots one time and one sequence. Far from multiples of the other for a few dozen boots.
 */
const bootsApart = 773_239

/**
 * Nanoseconds since 1970, or null when that cannot be stored.
 * @param nth how many readings of the same series stand before it in the message
 */
export function pointTime(
  record: Record,
  report: Report,
  time: ReportTime,
  reading: Reading,
  nth: number,
): bigint | null {
  const us = Math.round(reading.timeMs * 1000) + time.shiftUs
  if (us < 0 || us > timeMsMax * 1000) return null
  // Below the microsecond only: receive times keep the order in which readings came.
  const digits = time.isDevices && us % 1000 === 0 ? 1_000_000 : 1000
  const own = time.isDevices ? (report.sequence ?? record.ordinal) + bootDigits(report, digits) : record.ordinal
  // When the digits are used up, the next microsecond has them again.
  return nanoseconds(us + Math.floor(nth / digits), (own + nth * apart) % digits)
}

const bootDigits = ({ boot = 0 }: Report, digits: number) => ((boot % digits) * bootsApart) % digits

const nanoseconds = (us: number, below: number): bigint => BigInt(us) * 1000n + BigInt(below)
