/**
 * The completeness ledger: for each device and hour how many reports were expected, received, late, duplicate, missing.
 *
 * Rows are increments: what was learned about an hour within one stretch of the journal's clock (limits.ledgerEveryMs).
 * At the end of the stretch they become points and are forgotten, so memory holds only who spoke of late; the sum over
 * all rows of an hour is the truth, and a report that comes days later only adds a row. A gap is counted in the hours in
 * which its reports were due, and taken back there when they come. Always: expected = received + missing.
 */
import { limits } from '../telemetry/limits.ts'
import type { Point } from '../telemetry/point.ts'
import { createSeries } from '../telemetry/point.ts'
import { deviceTag, ledgerFields, ledgerMeasurement, siteTag } from '../telemetry/schema.ts'
import { expectedMs, type Gap, lastBefore } from './sequence.ts'
import type { KnownDevice } from './state.ts'

const hourMs = 3_600_000
export const hourOf = (atMs: number): number => Math.floor(atMs / hourMs)

/** In the order of ledgerFields. */
export type LedgerCounts = [expected: number, received: number, late: number, duplicate: number, missing: number]
/** `hour`: hours since 1970. */
export type LedgerRow = { hour: number; counts: LedgerCounts }

/** Which stretch of the journal's clock a record falls into. */
export const stretchOf = (receivedAtUs: number): number => Math.floor(receivedAtUs / 1000 / limits.ledgerEveryMs)

function rowOf({ rows }: KnownDevice, atMs: number): LedgerCounts {
  const hour = hourOf(atMs)
  let counts = rows.get(hour)
  if (counts === undefined && rows.size >= limits.ledgerHoursMax) counts = rows.values().next().value
  if (counts === undefined) {
    counts = [0, 0, 0, 0, 0]
    rows.set(hour, counts)
  }
  return counts
}

export const openRowsOf = ({ rows }: KnownDevice): LedgerRow[] => [...rows].map(([hour, counts]) => ({ hour, counts }))

export function countReceived(device: KnownDevice, atMs: number, isLate: boolean): void {
  const row = rowOf(device, atMs)
  row[0]++
  row[1]++
  if (isLate) row[2]++
}

export function countDuplicate(device: KnownDevice, atMs: number): void {
  rowOf(device, atMs)[3]++
}

/** A gap was found; a step for each hour, however many reports of it are missing. */
export function countGap(device: KnownDevice, gap: Gap): void {
  for (let sequence = gap.from; sequence <= gap.to; ) {
    const atMs = expectedMs(gap, sequence)
    const last = lastBefore(gap, sequence, (hourOf(atMs) + 1) * hourMs)
    countMissing(device, atMs, last - sequence + 1)
    sequence = last + 1
  }
}

/** `by`: how many reports that were due at this time are missing; -1: one of them has come after all. */
export function countMissing(device: KnownDevice, atMs: number, by: number): void {
  const row = rowOf(device, atMs)
  row[0] += by
  row[4] += by
}

/** What the device has learned since the last stretch, as points; the device forgets it. */
export function closeRows(device: KnownDevice, stretch: number, into: Point[]): void {
  const tags = [[siteTag, device.site] as const, [deviceTag, device.device] as const].filter(
    ([, value]) => value !== '',
  )
  for (const [hour, counts] of device.rows) {
    // The stretch in the digits below a millisecond keeps the rows of an hour apart.
    const timeNs = BigInt(hour * hourMs) * 1_000_000n + BigInt(stretch % 1_000_000)
    for (const [i, field] of ledgerFields.entries()) {
      const value = counts[i] as number
      if (value === 0) continue
      into.push({ series: createSeries(ledgerMeasurement, tags, field, 'integer'), timeNs, value, position: -1 })
    }
  }
  device.rows.clear()
}
