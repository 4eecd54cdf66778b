/**
 * The embedded store: one DuckDB file. Points and the checkpoint are committed in one transaction, so a restart after a
 * crash goes on exactly behind the last point. A point written again stands twice in the file, and the later one counts.
 */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StartError, UnavailableError } from '../telemetry/errors.ts'
import type { Checkpoint, Point, Rejection } from '../telemetry/point.ts'
import type { ChannelQuery, LatestReading, TimedValue } from '../telemetry/query.ts'
import { metaFields } from '../telemetry/schema.ts'
import type { KnownSeries, Learned } from './duckdb-catalog.ts'
import { scanSeries } from './duckdb-scan.ts'
import { openSession, type Session } from './duckdb-session.ts'
import { appendPoints, decoded, type Stored, type Table, tableOf, tables } from './duckdb-tables.ts'
import type { Store } from './store.ts'

const nanosecondsPerMs = 1_000_000n
/** The furthest time, in both directions, whose nanoseconds fit 64 bits. */
const timeMsMax = 9_200_000_000_000
const ns = (ms: number) => BigInt(Math.floor(Math.min(Math.max(ms, -timeMsMax), timeMsMax))) * nanosecondsPerMs

/** @throws StartError when the file cannot be opened. */
export async function openDuckdb(path: string): Promise<Store> {
  await mkdir(dirname(path), { recursive: true })
  let session: Session | null = await openSession(path).catch((error: Error) => {
    throw new StartError(`store ${path}: ${error.message.split('\n')[0]}`)
  })
  /** What write() put into the open transaction; null: there is none. */
  let written: Learned | null = null

  /** Closes the file after an error; the next write opens it anew. */
  async function giveUp(error: unknown): Promise<never> {
    const broken = session
    session = null
    written = null
    await broken?.close()
    throw asUnavailable(error as Error)
  }

  async function append({ writer, catalog }: Session, points: Point[]): Promise<Rejection[]> {
    if (written !== null) {
      await writer.run('ROLLBACK')
      written = null
      catalog.forgetUncommitted()
    }
    await writer.run('BEGIN TRANSACTION')
    const learned = await catalog.learn(points)
    await appendPoints(writer, learned)
    written = learned
    return learned.rejections
  }

  async function commit({ writer, catalog }: Session, checkpoint: Checkpoint): Promise<void> {
    if (written === null) await writer.run('BEGIN TRANSACTION')
    await writer.run('DELETE FROM checkpoint')
    await writer.run('INSERT INTO checkpoint VALUES ($1)', [JSON.stringify(checkpoint)])
    await writer.run('COMMIT')
    catalog.keepUncommitted()
    if (written !== null) keepLatest(written)
    written = null
  }

  const open = (): Session => {
    if (session === null) throw new UnavailableError('duckdb', `DuckDB: ${path} is closed after an error`)
    return session
  }
  const ask = (sql: string) =>
    open()
      .read(sql)
      .catch((error) => Promise.reject(asUnavailable(error)))
  const rowsOf = async (sql: string) => (await ask(sql)).getRows()
  /** What is no channel (the ledger, states) is found by those who know its name. */
  const channelsOf = (query: Partial<ChannelQuery>) =>
    open()
      .catalog.find(query)
      .filter((it) => it.isChannel || (query.channel !== undefined && !metaFields.includes(it.series.field)))

  return {
    async write(points) {
      try {
        session ??= await openSession(path)
        return await append(session, points)
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
      return channelsOf({}).flatMap(({ site, device, channel, latest }): LatestReading[] => {
        if (latest === null || device === '') return []
        return [{ site, device, channel, timeMs: Number(latest.timeNs / nanosecondsPerMs), value: latest.value }]
      })
    },
    async readings(query, rowsMax, end = 'first') {
      const readings: TimedValue[] = []
      for (const [table, series] of byTable(channelsOf(query))) {
        const types = new Map(series.map((it) => [it.id, it.series.type]))
        const rows = await rowsOf(
          `SELECT series, time // ${nanosecondsPerMs}, value FROM (${pointsOf(table, series, query)})
           ORDER BY time ${end === 'last' ? 'DESC' : ''} LIMIT ${rowsMax}`,
        )
        for (const [id, timeMs, stored] of (end === 'last' ? rows.reverse() : rows) as Array<[number, bigint, Stored]>)
          readings.push({ timeMs: Number(timeMs), value: decoded(types.get(id) ?? 'float', stored) })
      }
      readings.sort((a, b) => a.timeMs - b.timeMs)
      return end === 'last' ? readings.slice(-rowsMax) : readings.slice(0, rowsMax)
    },
    async downsampled(query, count) {
      const numbers = channelsOf(query).filter(({ series: { type } }) => type === 'float' || type === 'integer')
      if (numbers.length === 0) return []
      const from = ns(query.fromMs)
      const width = ns(Math.max(1, Math.ceil((query.toMs - query.fromMs + 1) / count)))
      const rows = await rowsOf(
        `SELECT (${from} + (time - ${from}) // ${width} * ${width}) // ${nanosecondsPerMs} AS start,
                avg(value), min(value), max(value)
         FROM (${pointsOf('points', numbers, query)}) GROUP BY start ORDER BY start`,
      )
      return rows.map(([start, ...values]) => {
        const [mean, min, max] = values as [number, number, number]
        return { timeMs: Number(start), mean, min, max }
      })
    },
    async extent(query) {
      const times: bigint[] = []
      for (const [table, series] of byTable(channelsOf(query))) {
        const [row = []] = await rowsOf(`SELECT min(time), max(time) FROM ${table} WHERE series IN (${ids(series)})`)
        times.push(...row.filter((time) => typeof time === 'bigint'))
      }
      if (times.length === 0) return null
      const ms = times.map((time) => Number(time / nanosecondsPerMs))
      return { fromMs: Math.min(...ms), toMs: Math.max(...ms) }
    },
    async channels(device, site) {
      const found = channelsOf({ device, ...(site !== undefined && { site }) })
      return [...new Set(found.map((it) => it.channel))].toSorted()
    },
    fieldTypes: async () => open().catalog.fields(),
    scan: (query) => scanSeries(ask, open().catalog.find(query), ns(query.fromMs), ns(query.toMs + 1)),
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

function keepLatest({ points, series }: Learned): void {
  for (let i = 0; i < points.length; i++) {
    const { timeNs, value } = points[i] as Point
    const known = series[i] as KnownSeries
    if (known.latest === null) known.latest = { timeNs, value }
    else if (timeNs >= known.latest.timeNs) {
      known.latest.timeNs = timeNs
      known.latest.value = value
    }
  }
}

const ids = (series: KnownSeries[]) => series.map((it) => it.id).join(',')

const byTable = (found: KnownSeries[]): Array<[Table, KnownSeries[]]> =>
  tables
    .map((table): [Table, KnownSeries[]] => [table, found.filter((it) => tableOf(it.series.type) === table)])
    .filter(([, series]) => series.length > 0)

/** One row for each time: of points written twice the later. */
const pointsOf = (table: Table, series: KnownSeries[], { fromMs, toMs }: { fromMs: number; toMs: number }) =>
  `SELECT series, time, arg_max(value, rowid) AS value FROM ${table}
   WHERE series IN (${ids(series)}) AND time >= ${ns(fromMs)} AND time < ${ns(toMs + 1)} GROUP BY series, time`

const asUnavailable = (error: Error): UnavailableError =>
  error instanceof UnavailableError ? error : new UnavailableError('duckdb', `DuckDB: ${error.message}`)
