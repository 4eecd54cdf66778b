/**
 * InfluxDB 2. Writes are upserts by series and time, so points written again after a crash change nothing; the checkpoint
 * is a small file of ours, saved after the points. The client's own retries and buffers stay off: the journal holds.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HttpError, InfluxDB } from '@influxdata/influxdb-client'
import type { Logger } from 'pino'
import { UnavailableError } from '../telemetry/errors.ts'
import type { Checkpoint, Point, Rejection } from '../telemetry/point.ts'
import type { ChannelQuery, RangeQuery } from '../telemetry/query.ts'
import { deviceTag, siteTag, valueField } from '../telemetry/schema.ts'
import { type InfluxSeries, identifier, influxql, literal } from './influxql.ts'
import { toLine } from './line-protocol.ts'
import type { Store } from './store.ts'

export type InfluxdbOptions = {
  url: string
  org: string
  bucket: string
  token: string
  /** Measurements that hold readings of devices; others of the bucket are not ours. */
  channels: string[]
  checkpointPath: string
  log: Logger
  timeoutMs?: number
}

export async function openInfluxdb(options: InfluxdbOptions): Promise<Store> {
  const { url, org, bucket, token, channels, checkpointPath, log, timeoutMs = 20_000 } = options
  await mkdir(dirname(checkpointPath), { recursive: true })
  const { transport } = new InfluxDB({ url, token, timeout: timeoutMs })
  const writePath = `/api/v2/write?${new URLSearchParams({ org, bucket, precision: 'ns' })}`
  const ask = (statement: string) => influxql({ url, bucket, token, timeoutMs }, statement)

  /** A refused batch is halved until the points that InfluxDB does not want stand alone. */
  async function write(points: Point[]): Promise<Rejection[]> {
    if (points.length === 0) return []
    try {
      const headers = { 'content-type': 'text/plain; charset=utf-8' }
      await transport.request(writePath, points.map(toLine).join('\n'), { method: 'POST', headers })
      return []
    } catch (error) {
      const reason = rejection(error)
      if (reason === null) throw unavailable(error)
      if (points.length === 1) return [{ point: points[0] as Point, reason }]
      const half = points.length >> 1
      return [...(await write(points.slice(0, half))), ...(await write(points.slice(half)))]
    }
  }

  const from = ({ channel }: ChannelQuery) => `FROM ${identifier(channel)}`
  const ofDevice = ({ device, site }: { device: string; site?: string }) =>
    `${identifier(deviceTag)} = ${literal(device)}${site === undefined ? '' : ` AND ${identifier(siteTag)} = ${literal(site)}`}`
  const within = (query: RangeQuery) => {
    // InfluxDB keeps times from 1677 to 2262; beyond, the statement itself is refused.
    const fromMs = Math.max(0, Math.floor(query.fromMs))
    const toMs = Math.min(9_200_000_000_000, Math.floor(query.toMs))
    return `WHERE ${ofDevice(query)} AND time >= ${fromMs}ms AND time < ${toMs + 1}ms`
  }
  const value = identifier(valueField)

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
      const series = await ask(
        `SELECT last(${value}) ${`FROM ${channels.map(identifier).join(', ')}`} GROUP BY ${identifier(siteTag)}, ${identifier(deviceTag)}`,
      )
      return series.map((it) => {
        const [timeMs, last] = it.values[0] as [number, number]
        const { [siteTag]: site = '', [deviceTag]: device = '' } = it.tags ?? {}
        return { site, device, channel: it.name, timeMs, value: last }
      })
    },
    async readings(query, rowsMax) {
      const series = await ask(`SELECT ${value} ${from(query)} ${within(query)} ORDER BY time LIMIT ${rowsMax}`)
      return rows(series).map(([timeMs, it]) => ({ timeMs: timeMs as number, value: it as number }))
    },
    async downsampled(query, points) {
      const widthMs = Math.max(1, Math.ceil((query.toMs - query.fromMs + 1) / points))
      const series = await ask(
        `SELECT mean(${value}), min(${value}), max(${value}) ${from(query)} ${within(query)} GROUP BY time(${widthMs}ms) fill(none)`,
      )
      return rows(series).map((row) => {
        const [timeMs, mean, min, max] = row as [number, number, number, number]
        return { timeMs, mean, min, max }
      })
    },
    async extent(query) {
      const where = `WHERE ${ofDevice(query)}`
      const [first, last] = await Promise.all(
        ['ASC', 'DESC'].map((order) => ask(`SELECT ${value} ${from(query)} ${where} ORDER BY time ${order} LIMIT 1`)),
      )
      const [fromMs, toMs] = [rows(first ?? [])[0]?.[0], rows(last ?? [])[0]?.[0]]
      return fromMs === undefined || toMs === undefined ? null : { fromMs: Number(fromMs), toMs: Number(toMs) }
    },
    async channels(device, site) {
      const where = `WHERE ${ofDevice({ device, ...(site !== undefined && { site }) })}`
      const series = await ask(`SHOW SERIES FROM ${channels.map(identifier).join(', ')} ${where}`)
      const names = rows(series).map(([key]) => String(key).split(/(?<!\\),/)[0] as string)
      return [...new Set(names)].map((name) => name.replace(/\\(.)/g, '$1')).toSorted()
    },
    async ping() {
      await ask('SHOW MEASUREMENTS LIMIT 1')
    },
    close: () => Promise.resolve(),
  }
}

const rows = (series: InfluxSeries[]) => series[0]?.values ?? []

/** Codes of InfluxDB's own answers. A proxy, or a server that wants TLS, answers 400 as well, and means something else. */
const verdicts = ['invalid', 'unprocessable entity', 'request too large']

/** The reason when InfluxDB says that the points are wrong, not that it is busy or set up differently; else null. */
function rejection(error: unknown): string | null {
  if (!(error instanceof HttpError)) return null
  return verdicts.includes(error.code ?? '') ? error.message : null
}

function unavailable(error: unknown): UnavailableError {
  if (!(error instanceof HttpError)) return new UnavailableError('unreachable', (error as Error).message)
  // Its documentation says milliseconds, but it hands on the header as it is: seconds.
  const retryAfterMs = error.retryAfter() > 0 ? error.retryAfter() * 1000 : undefined
  return new UnavailableError(`http_${error.statusCode}`, `InfluxDB: ${error.message}`, retryAfterMs)
}
