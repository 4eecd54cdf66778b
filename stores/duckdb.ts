/**
 * The embedded store: one DuckDB file. Points and the checkpoint are committed in one transaction, so a restart after a
 * crash goes on exactly behind the last point. A point written again stands twice in the file, and the later one counts.
 */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BIGINT, DOUBLE, type DuckDBConnection, DuckDBDataChunk, DuckDBInstance, UINTEGER } from '@duckdb/node-api'
import { StartError, UnavailableError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import type { Checkpoint, Point } from '../telemetry/point.ts'
import type { ChannelQuery, LatestReading } from '../telemetry/query.ts'
import { deviceTag, siteTag, valueField } from '../telemetry/schema.ts'
import { type KnownSeries, openCatalog } from './duckdb-catalog.ts'
import type { Store } from './store.ts'

const tables = [
  'CREATE TABLE IF NOT EXISTS series (id UINTEGER, measurement VARCHAR, field VARCHAR, tags VARCHAR)',
  'CREATE TABLE IF NOT EXISTS points (series UINTEGER, time BIGINT, value DOUBLE)',
  'CREATE TABLE IF NOT EXISTS checkpoint (json VARCHAR)',
]
/** Rows of one DuckDB vector: the most that a data chunk takes. */
const chunkRows = 2048
const nanosecondsPerMs = 1_000_000n

export async function openDuckdb(path: string): Promise<Store> {
  await mkdir(dirname(path), { recursive: true })
  const instance = await DuckDBInstance.create(path, { memory_limit: limits.duckdbMemory, threads: '2' }).catch(
    (error: Error) => {
      throw new StartError(`store ${path}: ${error.message.split('\n')[0]}`)
    },
  )
  const writer = await instance.connect()
  const reader = await instance.connect()
  for (const table of tables) await writer.run(table)
  const catalog = await openCatalog(writer)
  const latest = await readLatest(writer, catalog.all())
  let isOpen = false
  let uncommitted: Array<{ id: number; point: Point }> = []

  async function abandon(): Promise<void> {
    if (isOpen) await writer.run('ROLLBACK')
    isOpen = false
    uncommitted = []
    catalog.forgetUncommitted()
  }

  const ids = (query: { device: string; site?: string; channel?: string }) =>
    catalog.find(query).map((series) => series.id)
  const rowsOf = async (sql: string) => (await reader.runAndReadAll(sql).catch(asUnavailable)).getRows()
  const ns = (ms: number) => BigInt(Math.floor(ms)) * nanosecondsPerMs
  /** One row for each time: of points written twice the later. */
  const points = (query: ChannelQuery, where: string) =>
    `SELECT time, arg_max(value, rowid) AS value FROM points
     WHERE series IN (${ids(query).join(',')}) AND ${where} GROUP BY series, time`
  const within = (fromMs: number, toMs: number) => `time >= ${ns(fromMs)} AND time < ${ns(toMs + 1)}`

  return {
    async write(given) {
      await abandon()
      try {
        await writer.run('BEGIN TRANSACTION')
        isOpen = true
        uncommitted = []
        for (const point of given) uncommitted.push({ id: await catalog.idOf(point.series), point })
        const appender = await writer.createAppender('points')
        for (let i = 0; i < uncommitted.length; i += chunkRows) {
          const rows = uncommitted.slice(i, i + chunkRows)
          const chunk = DuckDBDataChunk.create([UINTEGER, BIGINT, DOUBLE], rows.length)
          chunk.setColumnValues(
            0,
            rows.map(({ id }) => id),
          )
          chunk.setColumnValues(
            1,
            rows.map(({ point }) => point.timeNs),
          )
          chunk.setColumnValues(
            2,
            rows.map(({ point }) => point.value),
          )
          appender.appendDataChunk(chunk)
        }
        appender.closeSync()
        return []
      } catch (error) {
        await abandon().catch(() => {})
        return asUnavailable(error as Error)
      }
    },
    async commit(checkpoint) {
      try {
        if (!isOpen) await writer.run('BEGIN TRANSACTION')
        isOpen = true
        await writer.run('DELETE FROM checkpoint')
        await writer.run('INSERT INTO checkpoint VALUES ($1)', [JSON.stringify(checkpoint)])
        await writer.run('COMMIT')
        isOpen = false
      } catch (error) {
        await abandon().catch(() => {})
        return asUnavailable(error as Error)
      }
      catalog.keepUncommitted()
      for (const { id, point } of uncommitted) {
        const last = latest.get(id)
        if (last === undefined || point.timeNs >= last.timeNs) latest.set(id, point)
      }
      uncommitted = []
    },
    async checkpoint() {
      const rows = await rowsOf('SELECT json FROM checkpoint')
      return rows[0] === undefined ? null : (JSON.parse(rows[0][0] as string) as Checkpoint)
    },
    async latest() {
      return catalog.all().flatMap(({ id, measurement, field, tags }): LatestReading[] => {
        const last = latest.get(id)
        if (last === undefined || field !== valueField) return []
        const timeMs = Number(last.timeNs / nanosecondsPerMs)
        return [
          { site: tags[siteTag] ?? '', device: tags[deviceTag] ?? '', channel: measurement, timeMs, value: last.value },
        ]
      })
    },
    async readings(query, rowsMax) {
      if (ids(query).length === 0) return []
      const rows = await rowsOf(
        `SELECT time // ${nanosecondsPerMs}, value FROM (${points(query, within(query.fromMs, query.toMs))})
         ORDER BY time LIMIT ${rowsMax}`,
      )
      return rows.map(([timeMs, value]) => ({ timeMs: Number(timeMs), value: value as number }))
    },
    async downsampled(query, count) {
      if (ids(query).length === 0) return []
      const from = ns(query.fromMs)
      const width = ns(Math.max(1, Math.ceil((query.toMs - query.fromMs + 1) / count)))
      const rows = await rowsOf(
        `SELECT (${from} + (time - ${from}) // ${width} * ${width}) // ${nanosecondsPerMs} AS start,
                avg(value), min(value), max(value)
         FROM (${points(query, within(query.fromMs, query.toMs))}) GROUP BY start ORDER BY start`,
      )
      return rows.map(([timeMs, mean, min, max]) => ({
        timeMs: Number(timeMs),
        mean: mean as number,
        min: min as number,
        max: max as number,
      }))
    },
    async extent(query) {
      if (ids(query).length === 0) return null
      const sql = `SELECT min(time) // ${nanosecondsPerMs}, max(time) // ${nanosecondsPerMs} FROM points
                   WHERE series IN (${ids(query).join(',')})`
      const [from, to] = (await rowsOf(sql))[0] as [bigint | null, bigint | null]
      return from === null || to === null ? null : { fromMs: Number(from), toMs: Number(to) }
    },
    async channels(device, site) {
      const found = catalog.find({ device, ...(site !== undefined && { site }) })
      return [...new Set(found.map((series) => series.measurement))].toSorted()
    },
    async ping() {
      await rowsOf('SELECT 1')
    },
    async close() {
      await abandon()
      // Moves the log into the file, so that nothing but the file is left behind.
      await writer.run('CHECKPOINT').catch(() => {})
      reader.closeSync()
      writer.closeSync()
      instance.closeSync()
    },
  }
}

/** The newest point of each series, for a page that shows the last value of every device. */
async function readLatest(
  connection: DuckDBConnection,
  known: KnownSeries[],
): Promise<Map<number, { timeNs: bigint; value: number }>> {
  if (known.length === 0) return new Map()
  const rows = await connection.runAndReadAll(
    `SELECT p.series, p.time, arg_max(p.value, p.rowid) FROM points p
     JOIN (SELECT series, max(time) AS time FROM points GROUP BY series) m ON p.series = m.series AND p.time = m.time
     GROUP BY p.series, p.time`,
  )
  return new Map(
    rows.getRows().map(([id, timeNs, value]) => [id as number, { timeNs: timeNs as bigint, value: value as number }]),
  )
}

function asUnavailable(error: Error): never {
  throw new UnavailableError('duckdb', `DuckDB: ${error.message}`)
}
