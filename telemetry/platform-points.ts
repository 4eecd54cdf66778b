/** Points that the platform makes itself (schema.ts), as the payload of a record: they go to the store the way readings go. */
import { createSeries, type FieldType, type Point } from './point.ts'
import type { Value } from './reading.ts'
import { platformMeasurements } from './schema.ts'

/** Times: nanoseconds since 1970, as text: a JSON number does not hold them. */
type Row = [
  measurement: string,
  tags: Array<[string, string]>,
  field: string,
  type: FieldType,
  timeNs: string,
  value: Value,
]

export const toRows = (points: readonly Point[]): Row[] =>
  points.map(({ series: { measurement, tags, field, type }, timeNs, value }) => [
    measurement,
    tags.map(([name, tag]) => [name, tag]),
    field,
    type,
    timeNs.toString(),
    value,
  ])

/** @param position of the record */
export const fromRows = (rows: Row[], position: number): Point[] =>
  rows
    .filter(([measurement]) => platformMeasurements.includes(measurement))
    .map(([measurement, tags, field, type, timeNs, value]) => ({
      series: createSeries(measurement, tags, field, type),
      timeNs: BigInt(timeNs),
      value,
      position,
    }))
