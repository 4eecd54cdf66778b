/** A Point is what a store takes: one value of one series at one time. The same series and time is the same point. */
import type { Value } from './reading.ts'

/** What InfluxDB calls the type of a field: of one measurement and field there can be only one. */
export type FieldType = 'float' | 'integer' | 'boolean' | 'string'

/** Measurement, tags and field of a series. Tags are sorted by name, none is empty. */
export type Series = {
  measurement: string
  tags: ReadonlyArray<readonly [name: string, value: string]>
  field: string
  type: FieldType
  /** Identity of the series: two series are the same when this is. */
  key: string
}

export type Point = {
  series: Series
  /** Nanoseconds since 1970. */
  timeNs: bigint
  /** By the type of the series: number, string or boolean. */
  value: Value
  /** Journal position of the record that it came from: tells which message a rejected point belongs to. */
  position: number
}

/** 2262: the last time that fits into 64 bits of nanoseconds, in milliseconds since 1970. */
export const timeMsMax = 9.2e12

/** A store's no to one point; the others of the batch are stored. */
export type Rejection = { point: Point; reason: string }

/** How far a store has come: everything before `position` has found its end, and how the readings ended. */
export type Checkpoint = {
  position: number
  ordinal: number
  stored: number
  quarantined: number
  duplicate: number
  /** Readings that a damaged journal could not give back. */
  damaged: number
}

export const emptyCheckpoint = (): Checkpoint => ({
  position: 0,
  ordinal: 0,
  stored: 0,
  quarantined: 0,
  duplicate: 0,
  damaged: 0,
})

export function createSeries(
  measurement: string,
  tags: ReadonlyArray<readonly [string, string]>,
  field: string,
  type: FieldType = 'float',
): Series {
  const sorted = tags.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return { measurement, tags: sorted, field, type, key: JSON.stringify([measurement, field, sorted]) }
}
