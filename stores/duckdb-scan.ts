/** All points of a range of time, in pieces: each question brings no more rows than memory has room for. */
import type { DuckDBResultReader } from '@duckdb/node-api'
import { limits } from '../telemetry/limits.ts'
import type { StoredPoint } from '../telemetry/query.ts'
import type { KnownSeries } from './duckdb-catalog.ts'
import { decoded, type Stored, type Table, tableOf, tables } from './duckdb-tables.ts'

/** Rows of some series from a time up to another, which is not in it. */
type Piece = { series: KnownSeries[]; fromNs: bigint; toNs: bigint; rows: number }

export type Ask = (sql: string) => Promise<DuckDBResultReader>

/** Series by their numbers, each in order of time; of points written twice the later. */
export async function* scanSeries(
  ask: Ask,
  wanted: KnownSeries[],
  fromNs: bigint,
  toNs: bigint,
): AsyncGenerator<StoredPoint[]> {
  for (const table of tables) {
    const series = wanted.filter((it) => tableOf(it.series.type) === table).toSorted((a, b) => a.id - b.id)
    if (series.length === 0) continue
    for await (const piece of pieces(ask, table, { series, fromNs, toNs, rows: 0 })) yield* read(ask, table, piece)
  }
}

const where = ({ series, fromNs, toNs }: Piece) =>
  `WHERE series IN (${series.map((it) => it.id).join(',')}) AND time >= ${fromNs} AND time < ${toNs}`

/** What counts as rows towards the limit of a piece: a long string counts more than once. */
const weights: { [table in Table]: string } = {
  points: 'count(*)',
  texts: `sum(1 + strlen(value) // ${limits.scanTextBytes})::BIGINT`,
}

/** Small series share a piece; a large one is cut by time. */
async function* pieces(ask: Ask, table: Table, all: Piece): AsyncGenerator<Piece> {
  const counts = await ask(
    `SELECT series, ${weights[table]}, min(time), max(time) FROM ${table} ${where(all)} GROUP BY series`,
  )
  const found = new Map(
    (counts.getRows() as Array<[number, bigint, bigint, bigint]>).map(([id, rows, firstNs, lastNs]) => [
      id,
      { rows: Number(rows), firstNs, lastNs },
    ]),
  )
  let shared: Piece = { ...all, series: [] }
  for (const one of all.series) {
    const { rows, firstNs, lastNs } = found.get(one.id) ?? { rows: 0, firstNs: 0n, lastNs: 0n }
    if (rows === 0) continue
    if (shared.rows + rows > limits.scanRows && shared.rows > 0) {
      yield shared
      shared = { ...all, series: [] }
    }
    if (rows > limits.scanRows) yield* halves(ask, table, { series: [one], fromNs: firstNs, toNs: lastNs + 1n, rows })
    else {
      shared.series.push(one)
      shared.rows += rows
    }
  }
  if (shared.rows > 0) yield shared
}

async function* halves(ask: Ask, table: Table, piece: Piece): AsyncGenerator<Piece> {
  // What stands at one time is one point, however often it was written.
  if (piece.rows <= limits.scanRows || piece.toNs - piece.fromNs <= 1n) {
    if (piece.rows > 0) yield piece
    return
  }
  const middleNs = (piece.fromNs + piece.toNs) / 2n
  const before = { ...piece, toNs: middleNs }
  const [row] = (await ask(`SELECT ${weights[table]} FROM ${table} ${where(before)}`)).getRows()
  const rows = Number(row?.[0] ?? 0)
  yield* halves(ask, table, { ...before, rows })
  yield* halves(ask, table, { ...piece, fromNs: middleNs, rows: piece.rows - rows })
}

async function* read(ask: Ask, table: Table, piece: Piece): AsyncGenerator<StoredPoint[]> {
  const answer = await ask(
    `SELECT series, time, arg_max(value, rowid) FROM ${table} ${where(piece)} GROUP BY series, time ORDER BY series, time`,
  )
  const [ids = [], times = [], values = []] = answer.getColumns() as [number[], bigint[], Stored[]]
  const byId = new Map(piece.series.map((it) => [it.id, it.series]))
  for (let from = 0; from < ids.length; from += limits.batchPointsMax) {
    yield ids.slice(from, from + limits.batchPointsMax).map((id, i): StoredPoint => {
      const series = byId.get(id) as KnownSeries['series']
      const value = decoded(series.type, values[from + i] as Stored)
      return { series, timeNs: times[from + i] as bigint, value }
    })
  }
}
