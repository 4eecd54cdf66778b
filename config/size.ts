/** Sizes as the configuration file writes them. */
import assert from 'node:assert'
import { limits } from '../telemetry/limits.ts'

const MiB = 1024 ** 2
const unitBytes: Record<string, number> = { KiB: 1024, MiB, GiB: 1024 ** 3, TiB: 1024 ** 4 }

/**
 * The journal deletes whole segments, and the duplicate window at its end is kept: with less room than limits.ts asserts
 * for the default, the journal could be full while nothing in it may be deleted. 128 MiB is the next power of two.
 */
export const journalBytesMin = 128 * MiB
assert(journalBytesMin >= 4 * limits.segmentBytes + 2 * limits.duplicateWindowBytes + limits.stateEveryBytes)
assert(limits.journalBytesMax >= journalBytesMin)

/** Bytes of `2147483648`, `512MiB`, `2 GiB`; null when it is no size. Decimal units would be mistaken for binary ones. */
export function sizeBytes(size: number | string): number | null {
  const [, digits, unit] = /^(\d+) ?([KMGT]iB)?$/.exec(String(size)) ?? []
  const bytes = Number(digits) * (unit === undefined ? 1 : (unitBytes[unit] ?? Number.NaN))
  return Number.isSafeInteger(bytes) ? bytes : null
}

/** Bytes in the largest unit that leaves no fraction. */
export function sizeText(bytes: number): string {
  const unit = Object.keys(unitBytes).findLast((name) => bytes > 0 && bytes % (unitBytes[name] ?? 1) === 0)
  return unit === undefined ? String(bytes) : `${bytes / (unitBytes[unit] ?? 1)}${unit}`
}
