/**
 * InfluxDB 2. Writes are upserts by series and time, so points written again after a crash change nothing; the checkpoint
 * is a small file of ours, saved after the points. The client's own retries and buffers stay off: the journal holds.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HttpError, InfluxDB } from '@influxdata/influxdb-client'
import type { Logger } from 'pino'
import { UnavailableError } from '../telemetry/errors.ts'
import { lineProblem, toLine } from '../telemetry/line-protocol.ts'
import type { Checkpoint, Point, Rejection, Series } from '../telemetry/point.ts'
import type { RangeQuery, StoredField, TimedRange, TimedValue } from '../telemetry/query.ts'
import type { Value } from '../telemetry/reading.ts'
import { channelOf, deviceTag, siteTag } from '../telemetry/schema.ts'
import { createFields, isNumber, typed } from './influxdb-fields.ts'
import { scanSeries } from './influxdb-scan.ts'
import { type InfluxSeries, identifier, influxql, literal } from './influxql.ts'
import type { Store } from './store.ts'

export type InfluxdbOptions = {
  url: string
  org: string
  bucket: string
  token: string
  /** Measurements that hold readings of devices now, others of the bucket are not ours; null: any may, the payloads name them. */
  measurements: () => string[] | null
  checkpointPath: string
  log: Logger
  timeoutMs?: number
}

export async function openInfluxdb(options: InfluxdbOptions): Promise<Store> {
  const { url, org, bucket, token, measurements, checkpointPath, log, timeoutMs = 20_000 } = options
  await mkdir(dirname(checkpointPath), { recursive: true })
  const { transport } = new InfluxDB({ url, token, timeout: timeoutMs })
  const writePath = `/api/v2/write?${new URLSearchParams({ org, bucket, precision: 'ns' })}`
  const ask = (statements: string | string[]) => influxql({ url, bucket, token, timeoutMs }, statements)
  const askExactly = (statement: string) => influxql({ url, bucket, token, timeoutMs }, statement, 'text')
  const fields = createFields(ask, measurements)
  /** Series that were written before, with what is wrong about them. */
  const seen = new WeakMap<Series, string | null>()

  async function write(points: Point[]): Promise<Rejection[]> {
    const rejections: Rejection[] = []
    let hasNew = false
    for (const point of points) {
      let problem = seen.get(point.series)
      if (problem === undefined) {
        problem = lineProblem(point.series)
        seen.set(point.series, problem)
        hasNew = true
      }
      if (problem !== null) rejections.push({ point, reason: problem })
    }
    const wrong = new Set(rejections.map((it) => it.point))
    const others = await send(wrong.size === 0 ? points : points.filter((point) => !wrong.has(point)))
    if (hasNew) fields.forget()
    return [...rejections, ...others]
  }

  /** A refused batch is split until only points that InfluxDB does not want stand together. */
  async function send(points: Point[]): Promise<Rejection[]> {
    if (points.length === 0) return []
    try {
      const headers = { 'content-type': 'text/plain; charset=utf-8' }
      let lines = ''
      for (const point of points) lines += `${toLine(point)}\n`
      await transport.request(writePath, lines, { method: 'POST', headers })
      return []
    } catch (error) {
      const reason = rejection(error)
      if (reason === null) throw unavailable(error)
      if (points.length === 1 || droppedOf(reason) === points.length) return points.map((point) => ({ point, reason }))
      const [some, others] = split(points, reason)
      return [...(await send(some)), ...(await send(others))]
    }
  }

  const ofDevice = ({ device, site }: { device: string; site?: string }) =>
    `${identifier(deviceTag)} = ${literal(device)}${site === undefined ? '' : ` AND ${identifier(siteTag)} = ${literal(site)}`}`
  const within = (query: RangeQuery) =>
    `WHERE ${ofDevice(query)} AND time >= ${clampMs(query.fromMs)}ms AND time < ${clampMs(query.toMs) + 1}ms`
  /** One statement for all measurements that have a field of this name and type. */
  const lastOf = (found: StoredField[], where: string) => {
    const groups = new Map<string, StoredField[]>()
    for (const field of found) groups.set(typed(field), [...(groups.get(typed(field)) ?? []), field])
    return ask(
      [...groups].map(([expression, some]) => {
        const name = identifier(some[0]?.field ?? '')
        const measurements = some.map((it) => identifier(it.measurement)).join(', ')
        return `SELECT last(${expression}) AS ${name} FROM ${measurements} ${where}`
      }),
    )
  }
  const from = (field: StoredField) => `FROM ${identifier(field.measurement)}`

  return {
    write,
    async commit(checkpoint) {
      const file = await open(`${checkpointPath}.new`, 'w')
      await file.writeFile(JSON.stringify(checkpoint))
      await file.datasync()
      await file.close()
      await rename(`${checkpointPath}.new`, checkpointPath)
    },
    async checkpoint() {
      const text = await readFile(checkpointPath, 'utf8').catch(() => null)
      if (text === null) return null
      try {
        return JSON.parse(text) as Checkpoint
      } catch {
        log.error({ checkpointPath }, 'checkpoint cannot be read: everything in the journal is written again')
        return null
      }
    },
    async latest() {
      const found = await fields.channels()
      const groups = [siteTag, deviceTag].map(identifier).join(', ')
      const series = await lastOf(found, `WHERE ${identifier(deviceTag)} != '' GROUP BY ${groups}`)
      return series.map((it) => {
        const [timeMs, value] = it.values[0] as [number, Value]
        const { [siteTag]: site = '', [deviceTag]: device = '' } = it.tags ?? {}
        return { site, device, channel: channelOf(it.name, it.columns[1] ?? ''), timeMs, value }
      })
    },
    async readings(query, rowsMax, end = 'first') {
      const readings: TimedValue[] = []
      const order = end === 'last' ? 'ORDER BY time DESC' : 'ORDER BY time'
      for (const field of await fields.channels(query.channel)) {
        const series = await ask(`SELECT ${typed(field)} ${from(field)} ${within(query)} ${order} LIMIT ${rowsMax}`)
        for (const [timeMs, value] of end === 'last' ? rows(series).reverse() : rows(series))
          readings.push({ timeMs: timeMs as number, value: value as Value })
      }
      readings.sort((a, b) => a.timeMs - b.timeMs)
      return end === 'last' ? readings.slice(-rowsMax) : readings.slice(0, rowsMax)
    },
    async downsampled(query, points) {
      const widthMs = Math.max(1, Math.ceil((query.toMs - query.fromMs + 1) / points))
      const ranges: TimedRange[] = []
      for (const field of (await fields.channels(query.channel)).filter(isNumber)) {
        const reduced = ['mean', 'min', 'max'].map((name) => `${name}(${typed(field)})`).join(', ')
        const series = await ask(
          `SELECT ${reduced} ${from(field)} ${within(query)} GROUP BY time(${widthMs}ms) fill(none)`,
        )
        for (const [timeMs, mean, min, max] of rows(series) as Array<[number, number, number, number]>)
          ranges.push({ timeMs, mean, min, max })
      }
      return ranges.toSorted((a, b) => a.timeMs - b.timeMs)
    },
    async extent(query) {
      const found = await fields.channels(query.channel)
      const series = await ask(
        found.flatMap((field) =>
          ['ASC', 'DESC'].map(
            (order) => `SELECT ${typed(field)} ${from(field)} WHERE ${ofDevice(query)} ORDER BY time ${order} LIMIT 1`,
          ),
        ),
      )
      const times = series.map((it) => it.values[0]?.[0] as number)
      return times.length === 0 ? null : { fromMs: Math.min(...times), toMs: Math.max(...times) }
    },
    async channels(device, site) {
      const where = `WHERE ${ofDevice({ device, ...(site !== undefined && { site }) })}`
      const series = await lastOf(await fields.channels(), where)
      return [...new Set(series.map((it) => channelOf(it.name, it.columns[1] ?? '')))].toSorted()
    },
    fieldTypes: fields.all,
    async *scan(query) {
      const ns = (ms: number) => BigInt(clampMs(ms)) * 1_000_000n
      yield* scanSeries(askExactly, await fields.ours(), query, ns(query.fromMs), ns(query.toMs + 1))
    },
    async ping() {
      await ask('SHOW MEASUREMENTS LIMIT 1')
    },
    close: () => Promise.resolve(),
  }
}

/** InfluxDB keeps times from 1677 to 2262; beyond, the statement itself is refused. */
const clampMs = (ms: number) => Math.floor(Math.min(Math.max(ms, -9_200_000_000_000), 9_200_000_000_000))

const rows = (series: InfluxSeries[]) => series[0]?.values ?? []

/** Codes of InfluxDB's own answers. A proxy, or a server that wants TLS, answers 400 as well, and means something else. */
const verdicts = ['invalid', 'unprocessable entity', 'request too large']

/** The reason when InfluxDB says that the points are wrong, not that it is busy or set up differently; else null. */
function rejection(error: unknown): string | null {
  if (!(error instanceof HttpError)) return null
  return verdicts.includes(error.code ?? '') ? error.message : null
}

/** "partial write: field type conflict: ... dropped=12": how many points of one of its shards InfluxDB did not take. */
const droppedOf = (reason: string): number => Number(/ dropped=(\d+)$/.exec(reason)?.[1] ?? 0)

/**
 * The points of the field that a type conflict names, and the others; else halves. A shard of the database holds some
 * days and has types of its own, so within a field it is time that tells the good points from the bad.
 */
function split(points: Point[], reason: string): [Point[], Point[]] {
  const isNamed = ({ series: { measurement, field, type } }: Point) =>
    reason.includes(`input field "${field}" on measurement "${measurement}" is type ${type},`)
  const named = points.filter(isNamed)
  if (named.length > 0 && named.length < points.length) return [named, points.filter((point) => !isNamed(point))]
  const sorted = points.toSorted((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0))
  return [sorted.slice(0, points.length >> 1), sorted.slice(points.length >> 1)]
}

function unavailable(error: unknown): UnavailableError {
  if (!(error instanceof HttpError)) return new UnavailableError('unreachable', (error as Error).message)
  // Its documentation says milliseconds, but it hands on the header as it is: seconds.
  const retryAfterMs = error.retryAfter() > 0 ? error.retryAfter() * 1000 : undefined
  return new UnavailableError(`http_${error.statusCode}`, `InfluxDB: ${error.message}`, retryAfterMs)
}
