/**
 * Points as a Parquet file, through a DuckDB file that stands beside it meanwhile: memory stays small however many there
 * are. Columns: time (TIMESTAMP_NS, UTC), measurement, field, type, value (DOUBLE, of floats and integers), text (of
 * strings), flag (of booleans), site, device, tags (JSON object of the others). Order: series as they came, then time.
 */
import { rename, rm } from 'node:fs/promises'
import { BIGINT, DOUBLE, DuckDBDataChunk, DuckDBInstance, UINTEGER, VARCHAR } from '@duckdb/node-api'
import { namesOf } from '../telemetry/export/text.ts'
import { limits } from '../telemetry/limits.ts'
import type { Series } from '../telemetry/point.ts'
import type { StoredPoint } from '../telemetry/query.ts'

const chunkRows = 2048

/** Writes the file, in place of one that was there, and answers how many points it holds. */
export async function writeParquet(points: AsyncIterable<StoredPoint[]>, path: string): Promise<number> {
  const staging = `${path}.staging.duckdb`
  const partial = `${path}.partial`
  const removeRest = async () => {
    for (const file of [staging, `${staging}.wal`, `${staging}.tmp`, partial])
      await rm(file, { recursive: true, force: true })
  }
  await removeRest()
  try {
    const count = await write(points, staging, partial)
    await rename(partial, path)
    return count
  } finally {
    await removeRest()
  }
}

async function write(points: AsyncIterable<StoredPoint[]>, staging: string, path: string): Promise<number> {
  const instance = await DuckDBInstance.create(staging, { memory_limit: limits.duckdbMemory, threads: '2' })
  try {
    const connection = await instance.connect()
    await connection.run(
      `CREATE TABLE series (id UINTEGER, measurement VARCHAR, field VARCHAR, type VARCHAR, site VARCHAR, device VARCHAR,
       tags VARCHAR);
       CREATE TABLE points (series UINTEGER, time BIGINT, value DOUBLE, text VARCHAR)`,
    )
    const seriesAppender = await connection.createAppender('series')
    const pointsAppender = await connection.createAppender('points')
    /** The store may hand in a series as several objects; and one field may have had several types. */
    const ids = new Map<string, number>()
    let last: { series: Series; id: number } | null = null

    const idOf = (series: Series): number => {
      if (last?.series === series) return last.id
      const key = `${series.type} ${series.key}`
      let id = ids.get(key)
      if (id === undefined) {
        id = ids.size + 1
        ids.set(key, id)
        const { site, device, tags } = namesOf(series)
        seriesAppender.appendUInteger(id)
        for (const text of [series.measurement, series.field, series.type, site, device, JSON.stringify(tags)])
          seriesAppender.appendVarchar(text)
        seriesAppender.endRow()
      }
      last = { series, id }
      return id
    }

    let count = 0
    for await (const some of points) {
      for (let from = 0; from < some.length; from += chunkRows) {
        const rows = some.slice(from, from + chunkRows)
        const chunk = DuckDBDataChunk.create([UINTEGER, BIGINT, DOUBLE, VARCHAR])
        chunk.setColumns([
          rows.map((it) => idOf(it.series)),
          rows.map((it) => it.timeNs),
          rows.map((it) => (typeof it.value === 'string' ? null : Number(it.value))),
          rows.map((it) => (typeof it.value === 'string' ? it.value : null)),
        ])
        pointsAppender.appendDataChunk(chunk)
      }
      pointsAppender.flushSync()
      count += some.length
    }
    seriesAppender.closeSync()
    pointsAppender.closeSync()
    await connection.run(
      `COPY (SELECT make_timestamp_ns(p.time) AS time, s.measurement, s.field, s.type,
                    CASE WHEN s.type <> 'boolean' THEN p.value END AS value, p.text,
                    CASE WHEN s.type = 'boolean' THEN p.value <> 0 END AS flag, s.site, s.device, s.tags
             FROM points p JOIN series s ON s.id = p.series ORDER BY s.id, p.time)
       TO '${path.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
    )
    connection.closeSync()
    return count
  } finally {
    instance.closeSync()
  }
}
