/**
 * Which reports of one count (a device, or one topic of it) have come: everything from `first` to `highest` but the gaps.
 * Of a few boots, the latest ones; so a report of an earlier boot that comes late is still known for what it is.
 */
import { limits } from '../telemetry/limits.ts'
import type { Recent } from './recent.ts'

/** Sequence numbers from..to are missing. They were expected between two times, evenly: see expectedMs(). */
export type Gap = { from: number; to: number; wholeFrom: number; wholeTo: number; afterMs: number; beforeMs: number }

/** Part of what ingest saves (state.ts). Sequence numbers are unwrapped: they do not begin anew. */
export type BootCount = {
  boot: number
  first: number
  highest: number
  /** When the report with the highest number was measured, and what the device's own clock said then, if it has one. */
  highestMs: number
  highestClockMs: number | null
  /** The highest number when the window before this one began, and when this one did (window.ts). */
  windowHighs: [before: number, current: number]
  gaps: Gap[]
  /** What the last reports said, as far as the window reaches. Not saved: read again, ... */
  recent?: Recent
  /** ... from this journal position on: what was forgotten with an earlier count of this boot stays forgotten. */
  recentFrom: number
}

/**
 * seen: it came before. next: the one that was due. gap: some before it are missing (the newest of `gaps` says which).
 * fills: it was missing. older: from before the first that is known. begins: the count starts here, or starts anew.
 */
export type Place = 'seen' | 'next' | 'gap' | 'fills' | 'older' | 'begins'

/** Where the missing report would have been measured if all of its gap came at equal distances. */
export const expectedMs = (gap: Gap, sequence: number): number =>
  gap.afterMs + ((sequence - gap.wholeFrom + 1) / (gap.wholeTo - gap.wholeFrom + 2)) * (gap.beforeMs - gap.afterMs)

/** The last number from `sequence` on that was expected before the time; at least `sequence` itself. */
export function lastBefore(gap: Gap, sequence: number, beforeMs: number): number {
  const share = (beforeMs - gap.afterMs) / (gap.beforeMs - gap.afterMs)
  const near = Math.ceil(gap.wholeFrom - 1 + share * (gap.wholeTo - gap.wholeFrom + 2)) + 1
  let last = Math.max(sequence, Number.isNaN(near) ? gap.to : Math.min(gap.to, near))
  while (last > sequence && expectedMs(gap, last) >= beforeMs) last--
  return last
}

/** The number nearest to `highest` that ends in the same `bits`. */
export function unwrap(sequence: number, highest: number, bits: number | undefined): number {
  if (bits === undefined) return sequence
  const span = 2 ** bits
  const ahead = (((sequence - highest) % span) + span) % span
  return highest + (ahead < span / 2 ? ahead : ahead - span)
}

export function countOf(counts: BootCount[], boot: number): BootCount | null {
  for (let i = counts.length - 1; i >= 0; i--) if ((counts[i] as BootCount).boot === boot) return counts[i] as BootCount
  return null
}

/** A new count, in the place of an earlier one of the same boot; the one that began first is forgotten. */
export function beginCount(
  counts: BootCount[],
  boot: number,
  sequence: number,
  atMs: number,
  clockMs: number | null,
  position: number,
): BootCount {
  const known = counts.findIndex((count) => count.boot === boot)
  const [earlier] = known === -1 ? [] : counts.splice(known, 1)
  if (earlier === undefined && counts.length >= limits.bootsRemembered) counts.shift()
  const begun: BootCount = {
    boot,
    first: sequence,
    highest: sequence,
    highestMs: atMs,
    highestClockMs: clockMs,
    windowHighs: [sequence, sequence],
    gaps: [],
    recentFrom: earlier?.recentFrom ?? position,
  }
  // Copies of what came before the count began anew may still come.
  if (earlier?.recent !== undefined) begun.recent = earlier.recent
  counts.push(begun)
  return begun
}

/**
 * Looks where a report stands, without taking it. `clockMs`: when it was measured by the device's own clock; an earlier
 * number with a later time than the highest then tells that the count began anew without telling its boot. So does a leap
 * that no loss explains.
 */
export function placeOf(count: BootCount, sequence: number, clockMs: number | null): Place {
  if (sequence > count.highest) {
    const missing = sequence - count.highest - 1
    return missing === 0 ? 'next' : missing <= limits.sequenceGapMax ? 'gap' : 'begins'
  }
  const { highestClockMs } = count
  if (clockMs !== null && highestClockMs !== null && sequence < count.highest && clockMs > highestClockMs)
    return 'begins'
  if (sequence < count.first) return count.first - sequence <= limits.sequenceGapMax ? 'older' : 'begins'
  return gapOf(count, sequence) === null ? 'seen' : 'fills'
}

export function gapOf(count: BootCount, sequence: number): Gap | null {
  for (let i = count.gaps.length - 1; i >= 0; i--) {
    const gap = count.gaps[i] as Gap
    if (sequence > gap.to) return null
    if (sequence >= gap.from) return gap
  }
  return null
}

/** Takes a report whose place is next, gap, fills or older. */
export function takeReport(
  count: BootCount,
  sequence: number,
  place: Place,
  atMs: number,
  clockMs: number | null,
): void {
  if (place === 'fills') fill(count, sequence)
  else if (place === 'older') {
    if (sequence + 1 < count.first) {
      count.gaps.unshift(gapBetween(sequence, count.first, atMs, count.highestMs))
    }
    count.first = sequence
  } else {
    if (place === 'gap') count.gaps.push(gapBetween(count.highest, sequence, count.highestMs, atMs))
    count.highest = sequence
    count.highestMs = atMs
    count.highestClockMs = clockMs
  }
  // Beyond the limit the oldest gap and what stands before it are forgotten: unknown numbers count as new, never as seen.
  if (count.gaps.length > limits.sequenceGapsRemembered) {
    const { to } = count.gaps.shift() as Gap
    count.first = to + 1
  }
}

const gapBetween = (low: number, high: number, afterMs: number, beforeMs: number): Gap => ({
  from: low + 1,
  to: high - 1,
  wholeFrom: low + 1,
  wholeTo: high - 1,
  // A clock that leaps must not spread a gap over years.
  afterMs: Math.max(Math.min(afterMs, beforeMs), beforeMs - limits.gapSpreadMsMax),
  beforeMs,
})

function fill(count: BootCount, sequence: number): void {
  const at = count.gaps.findIndex((gap) => sequence >= gap.from && sequence <= gap.to)
  const gap = count.gaps[at] as Gap
  const parts = [
    { ...gap, to: sequence - 1 },
    { ...gap, from: sequence + 1 },
  ].filter((part) => part.from <= part.to)
  count.gaps.splice(at, 1, ...parts)
}
