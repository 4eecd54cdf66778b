/** How values lie in the file: numbers and booleans (0 and 1) in one table, strings in another. */
import {
  BIGINT,
  DOUBLE,
  type DuckDBBigIntVector,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBUIntegerVector,
  type DuckDBVector,
  UINTEGER,
  VARCHAR,
} from '@duckdb/node-api'
import type { FieldType, Point } from '../telemetry/point.ts'
import type { Value } from '../telemetry/reading.ts'
import type { KnownSeries, Learned } from './duckdb-catalog.ts'

export const createTables = [
  'CREATE TABLE IF NOT EXISTS series (id UINTEGER, measurement VARCHAR, field VARCHAR, tags VARCHAR, type VARCHAR)',
  // A file of the first form knows floats only.
  "ALTER TABLE series ADD COLUMN IF NOT EXISTS type VARCHAR DEFAULT 'float'",
  'CREATE TABLE IF NOT EXISTS points (series UINTEGER, time BIGINT, value DOUBLE)',
  'CREATE TABLE IF NOT EXISTS texts (series UINTEGER, time BIGINT, value VARCHAR)',
  'CREATE TABLE IF NOT EXISTS checkpoint (json VARCHAR)',
]

export type Table = 'points' | 'texts'
export const tables: Table[] = ['points', 'texts']
export const tableOf = (type: FieldType): Table => (type === 'string' ? 'texts' : 'points')

export type Stored = number | string
/** What a table holds, as the type of the series says it. */
export const decoded = (type: FieldType, stored: Stored): Value => (type === 'boolean' ? stored !== 0 : stored)

/** Rows of one DuckDB vector: the most that a data chunk takes. */
const chunkRows = 2048

type Rows = Pick<Learned, 'points' | 'series'>

/** Adds the points to the tables, in their order. */
export async function appendPoints(writer: DuckDBConnection, all: Rows): Promise<void> {
  const isText = (known: KnownSeries) => tableOf(known.series.type) === 'texts'
  if (!all.series.some(isText)) return append(writer, 'points', all, Number)
  const only = (wanted: boolean): Rows => ({
    points: all.points.filter((_, i) => isText(all.series[i] as KnownSeries) === wanted),
    series: all.series.filter((known) => isText(known) === wanted),
  })
  await append(writer, 'points', only(false), Number)
  await append(writer, 'texts', only(true), String)
}

/** Vectors are filled item by item: no arrays and no objects in between. */
async function append<Item extends Stored>(
  writer: DuckDBConnection,
  table: Table,
  { points, series }: Rows,
  convert: (value: Value) => Item,
): Promise<void> {
  if (points.length === 0) return
  const appender = await writer.createAppender(table)
  const chunk = DuckDBDataChunk.create([UINTEGER, BIGINT, table === 'texts' ? VARCHAR : DOUBLE])
  for (let from = 0; from < points.length; from += chunkRows) {
    const count = Math.min(chunkRows, points.length - from)
    chunk.reset()
    chunk.rowCount = count
    const ids = chunk.getColumnVector(0) as DuckDBUIntegerVector
    const times = chunk.getColumnVector(1) as DuckDBBigIntVector
    const values = chunk.getColumnVector(2) as DuckDBVector<Item>
    for (let i = 0; i < count; i++) {
      const point = points[from + i] as Point
      ids.setItem(i, (series[from + i] as KnownSeries).id)
      times.setItem(i, point.timeNs)
      values.setItem(i, convert(point.value))
    }
    ids.flush()
    times.flush()
    values.flush()
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}
