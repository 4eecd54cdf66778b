/** Times as payloads say them, for every codec whose payload leaves their form open. */
import { timeMsMax } from '../point.ts'
import type { TimeBase } from '../reading.ts'
import { numberOf } from './numbers.ts'

/** Below this a number is seconds: as milliseconds it would lie before 1973, as seconds it reaches to 5138. */
const millisecondsFrom = 1e11
/** The same bounds once more: 1973 in microseconds and in nanoseconds, 5138 in the unit below. */
const microsecondsFrom = 1e14
const nanosecondsFrom = 1e17
const iso = /^(?:\d{4}|[+-]\d{6})-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/
const zone = /(Z|[+-]\d{2}:?\d{2})$/
/** Longest ISO 8601 text worth reading: a date, a time with nanoseconds and a zone take 35 characters. */
const isoCharsMax = 64

/** Whole microseconds: binary fractions of a second are finer than any device means, and would show as odd digits. */
export const secondsToMs = (seconds: number): number => Math.round(seconds * 1e6) / 1e3 + 0

/**
 * Milliseconds since 1970 (perhaps with a fraction) of a number in s, ms, us or ns, told apart by size, or of ISO 8601.
 * null: it is no such time, or lies outside 1970 to 2262.
 */
export function unixTimeMs(time: unknown): number | null {
  const number = numberOf(time)
  if (number === null && typeof time !== 'string') return null
  const timeMs = number === null ? isoToMs(time as string) : numberToMs(number)
  return timeMs >= 0 && timeMs <= timeMsMax ? timeMs : null
}

function numberToMs(time: number): number {
  if (time < millisecondsFrom) return secondsToMs(time)
  if (time < microsecondsFrom) return time
  return time < nanosecondsFrom ? time / 1e3 : time / 1e6
}

/** Milliseconds since 1970 of ISO 8601, NaN: it is none. Without a zone it is UTC: who means local time must say so. */
export function isoToMs(time: string): number {
  if (time.length > isoCharsMax || !iso.test(time)) return Number.NaN
  return Date.parse(time.length > 10 && !zone.test(time.slice(10)) ? `${time}Z` : time)
}

/** What a time of each base must be, for the detail of a problem. */
export const wantedTime: { [base in Exclude<TimeBase, 'none'>]: string } = {
  unix: 's, ms, us or ns since 1970 or ISO 8601',
  now: 'seconds before now, as 0 or a negative number,',
  boot: 'seconds since the start of the device, from 0 on,',
}

/** Milliseconds of a time with that base (telemetry/reading.ts); null: it is none. */
export function timeMsOf(base: Exclude<TimeBase, 'none'>, time: unknown): number | null {
  if (base === 'unix') return unixTimeMs(time)
  const seconds = numberOf(time)
  if (seconds === null) return null
  const timeMs = secondsToMs(seconds)
  return isTimeMs(base, timeMs) ? timeMs : null
}

/** Whether a time that was reckoned, rather than read, is one of that base. */
export const isTimeMs = (base: Exclude<TimeBase, 'none'>, timeMs: number): boolean =>
  base === 'now' ? timeMs <= 0 && timeMs >= -timeMsMax : timeMs >= 0 && timeMs <= timeMsMax
