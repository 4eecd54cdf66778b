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
import type { KnownDevice } from './state.ts'

const hourMs = 3_600_000
export const hourOf = (atMs: number): number => Math.floor(atMs / hourMs)

/** In the order of ledgerFields. `hour`: hours since 1970. Plain JSON: it is part of what ingest saves. */
export type LedgerRow = {
  hour: number
  counts: [expected: number, received: number, late: number, duplicate: number, missing: number]
}

/** Which stretch of the journal's clock a record falls into. */
export const stretchOf = (receivedAtUs: number): number => Math.floor(receivedAtUs / 1000 / limits.ledgerEveryMs)

export function rowOf(device: KnownDevice, atMs: number): LedgerRow['counts'] {
  const hour = hourOf(atMs)
  const { rows } = device
  for (let i = rows.length - 1; i >= 0; i--)
    if ((rows[i] as LedgerRow).hour === hour) return (rows[i] as LedgerRow).counts
  const counts: LedgerRow['counts'] = [0, 0, 0, 0, 0]
  rows.push({ hour, counts })
  return counts
}

export function countReceived(device: KnownDevice, atMs: number, isLate: boolean): void {
  const row = rowOf(device, atMs)
  row[0]++
  row[1]++
  if (isLate) row[2]++
}

export function countDuplicate(device: KnownDevice, atMs: number): void {
  rowOf(device, atMs)[3]++
}

/** `by` 1: reports that were due at these times are missing; -1: one of them has come after all. */
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
  for (const { hour, counts } of device.rows) {
    // The stretch in the digits below a millisecond keeps the rows of an hour apart.
    const timeNs = BigInt(hour * hourMs) * 1_000_000n + BigInt(stretch % 1_000_000)
    for (const [i, field] of ledgerFields.entries()) {
      const value = counts[i] as number
      if (value === 0) continue
      into.push({ series: createSeries(ledgerMeasurement, tags, field, 'integer'), timeNs, value, position: -1 })
    }
  }
  device.rows = []
}
