/**
 * The embedded store: one DuckDB file. Points and the checkpoint are committed in one transaction, so a restart after a
 * crash goes on exactly behind the last point. A point written again stands twice in the file, and the later one counts.
 */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BIGINT, DOUBLE, DuckDBDataChunk, UINTEGER } from '@duckdb/node-api'
import { StartError, UnavailableError } from '../telemetry/errors.ts'
import type { Checkpoint, Point } from '../telemetry/point.ts'
import type { ChannelQuery, LatestReading } from '../telemetry/query.ts'
import { deviceTag, siteTag, valueField } from '../telemetry/schema.ts'
import { openSession, type Session } from './duckdb-session.ts'
import type { Store } from './store.ts'

/** Rows of one DuckDB vector: the most that a data chunk takes. */
const chunkRows = 2048
const nanosecondsPerMs = 1_000_000n
const ns = (ms: number) => BigInt(Math.floor(ms)) * nanosecondsPerMs

/** @throws StartError when the file cannot be opened. */
export async function openDuckdb(path: string): Promise<Store> {
  await mkdir(dirname(path), { recursive: true })
  let session: Session | null = await openSession(path).catch((error: Error) => {
    throw new StartError(`store ${path}: ${error.message.split('\n')[0]}`)
  })
  /** What write() put into the open transaction; null: there is none. */
  let written: Array<{ id: number; point: Point }> | null = null

  /** Closes the file after an error; the next write opens it anew. */
  async function giveUp(error: unknown): Promise<never> {
    const broken = session
    session = null
    written = null
    await broken?.close()
    throw asUnavailable(error as Error)
  }

  async function append({ writer, catalog }: Session, points: Point[]): Promise<void> {
    if (written !== null) {
      await writer.run('ROLLBACK')
      written = null
      catalog.forgetUncommitted()
    }
    await writer.run('BEGIN TRANSACTION')
    await catalog.learn(points.map((point) => point.series))
    const rows = points.map((point) => ({ id: catalog.idOf(point.series), point }))
    const appender = await writer.createAppender('points')
    for (let i = 0; i < rows.length; i += chunkRows) {
      const some = rows.slice(i, i + chunkRows)
      const chunk = DuckDBDataChunk.create([UINTEGER, BIGINT, DOUBLE], some.length)
      chunk.setColumns([
        some.map((row) => row.id),
        some.map((row) => row.point.timeNs),
        some.map((row) => row.point.value),
      ])
      appender.appendDataChunk(chunk)
    }
    appender.closeSync()
    written = rows
  }

  async function commit({ writer, catalog, latest }: Session, checkpoint: Checkpoint): Promise<void> {
    if (written === null) await writer.run('BEGIN TRANSACTION')
    await writer.run('DELETE FROM checkpoint')
    await writer.run('INSERT INTO checkpoint VALUES ($1)', [JSON.stringify(checkpoint)])
    await writer.run('COMMIT')
    catalog.keepUncommitted()
    for (const { id, point } of written ?? []) {
      const last = latest.get(id)
      if (last === undefined || point.timeNs >= last.timeNs) latest.set(id, point)
    }
    written = null
  }

  const open = (): Session => {
    if (session === null) throw new UnavailableError('duckdb', `DuckDB: ${path} is closed after an error`)
    return session
  }
  const rowsOf = (sql: string) =>
    open()
      .read(sql)
      .catch((error) => Promise.reject(asUnavailable(error)))
  const ids = (query: ChannelQuery) =>
    open()
      .catalog.find(query)
      .map((series) => series.id)
  /** One row for each time: of points written twice the later. */
  const pointsOf = (query: ChannelQuery, fromMs: number, toMs: number) =>
    `SELECT time, arg_max(value, rowid) AS value FROM points
     WHERE series IN (${ids(query).join(',')}) AND time >= ${ns(fromMs)} AND time < ${ns(toMs + 1)} GROUP BY series, time`

  return {
    async write(points) {
      try {
        session ??= await openSession(path)
        await append(session, points)
        return []
      } catch (error) {
        return giveUp(error)
      }
    },
    async commit(checkpoint) {
      try {
        await commit(open(), checkpoint)
      } catch (error) {
        await giveUp(error)
      }
    },
    async checkpoint() {
      const rows = await rowsOf('SELECT json FROM checkpoint')
      return rows[0] === undefined ? null : (JSON.parse(rows[0][0] as string) as Checkpoint)
    },
    async latest() {
      const { catalog, latest } = open()
      return catalog.all().flatMap(({ id, measurement, field, tags }): LatestReading[] => {
        const last = latest.get(id)
        if (last === undefined || field !== valueField) return []
        const timeMs = Number(last.timeNs / nanosecondsPerMs)
        const { [siteTag]: site = '', [deviceTag]: device = '' } = tags
        return [{ site, device, channel: measurement, timeMs, value: last.value }]
      })
    },
    async readings(query, rowsMax) {
      if (ids(query).length === 0) return []
      const rows = await rowsOf(
        `SELECT time // ${nanosecondsPerMs}, value FROM (${pointsOf(query, query.fromMs, query.toMs)})
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
         FROM (${pointsOf(query, query.fromMs, query.toMs)}) GROUP BY start ORDER BY start`,
      )
      return rows.map(([start, ...values]) => {
        const [mean, min, max] = values as [number, number, number]
        return { timeMs: Number(start), mean, min, max }
      })
    },
    async extent(query) {
      if (ids(query).length === 0) return null
      const sql = `SELECT min(time) // ${nanosecondsPerMs}, max(time) // ${nanosecondsPerMs} FROM points
                   WHERE series IN (${ids(query).join(',')})`
      const [from, to] = (await rowsOf(sql))[0] as [bigint | null, bigint | null]
      return from === null || to === null ? null : { fromMs: Number(from), toMs: Number(to) }
    },
    async channels(device, site) {
      const found = open().catalog.find({ device, ...(site !== undefined && { site }) })
      return [...new Set(found.map((series) => series.measurement))].toSorted()
    },
    // No query: it would wait behind those of pages, and a busy store is not an ill one.
    async ping() {
      open()
    },
    async close() {
      // Moves the log into the file, so that nothing but the file is left behind; without it the next start does that.
      await session?.writer.run(written === null ? 'CHECKPOINT' : 'ROLLBACK').catch(() => {})
      await session?.close()
      session = null
    },
  }
}

const asUnavailable = (error: Error): UnavailableError =>
  error instanceof UnavailableError ? error : new UnavailableError('duckdb', `DuckDB: ${error.message}`)
