/**
 * Series and their numbers: points carry four bytes instead of measurement and tags. A field of a measurement has one
 * type for good, as in InfluxDB.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { createSeries, type FieldType, type Point, type Rejection, type Series } from '../telemetry/point.ts'
import type { ChannelQuery, StoredField } from '../telemetry/query.ts'
import type { Value } from '../telemetry/reading.ts'
import { channelOf, deviceTag, isChannel, siteTag } from '../telemetry/schema.ts'

export type KnownSeries = {
  id: number
  series: Series
  site: string
  device: string
  channel: string
  isChannel: boolean
  /** The newest committed point. */
  latest: { timeNs: bigint; value: Value } | null
}

export type Learned = {
  /** The points that can be written, and the series of each at the same index. */
  points: Point[]
  series: KnownSeries[]
  rejections: Rejection[]
}

export type Catalog = {
  /** Gives new series their numbers inside the open transaction. */
  learn(points: Point[]): Promise<Learned>
  get(id: number): KnownSeries
  /** Series that a query is about, whether they are channels or not. */
  find(query: Partial<ChannelQuery>): KnownSeries[]
  fields(): StoredField[]
  keepUncommitted(): void
  forgetUncommitted(): void
}

const fieldKey = (series: Series) => JSON.stringify([series.measurement, series.field])

export async function openCatalog(connection: DuckDBConnection): Promise<Catalog> {
  /** Spares the hot path a look at the keys: ingest hands in the same objects again and again. */
  let seen = new WeakMap<Series, KnownSeries>()
  const byKey = new Map<string, KnownSeries>()
  const byId = new Map<number, KnownSeries>()
  const byDevice = new Map<string, Set<KnownSeries>>()
  const fields = new Map<string, StoredField>()
  let uncommitted: KnownSeries[] = []
  let lastId = 0

  function remember(id: number, series: Series): KnownSeries {
    const { measurement, tags, field, type } = series
    const tag = (name: string) => tags.find(([it]) => it === name)?.[1] ?? ''
    const known: KnownSeries = {
      id,
      series,
      site: tag(siteTag),
      device: tag(deviceTag),
      channel: channelOf(measurement, field),
      isChannel: isChannel(measurement, field),
      latest: null,
    }
    byKey.set(series.key, known)
    byId.set(id, known)
    const others = byDevice.get(known.device)
    if (others === undefined) byDevice.set(known.device, new Set([known]))
    else others.add(known)
    fields.set(fieldKey(series), { measurement, field, type })
    lastId = Math.max(lastId, id)
    return known
  }

  /** The number of a series, old or new; or the type that its field has and it has not. */
  function identify(series: Series): KnownSeries | FieldType {
    const type = fields.get(fieldKey(series))?.type
    if (type !== undefined && type !== series.type) return type
    let known = byKey.get(series.key)
    if (known === undefined) {
      known = remember(lastId + 1, series)
      uncommitted.push(known)
    }
    seen.set(series, known)
    return known
  }

  async function insert(created: KnownSeries[]): Promise<void> {
    if (created.length === 0) return
    const appender = await connection.createAppender('series')
    for (const { id, series } of created) {
      appender.appendUInteger(id)
      for (const text of [
        series.measurement,
        series.field,
        JSON.stringify(Object.fromEntries(series.tags)),
        series.type,
      ])
        appender.appendVarchar(text)
      appender.endRow()
    }
    appender.closeSync()
  }

  const rows = await connection.runAndReadAll('SELECT id, measurement, field, tags, type FROM series')
  for (const [id, measurement, field, tags, type] of rows.getRows() as Array<[number, string, string, string, string]>)
    remember(id, createSeries(measurement, Object.entries(JSON.parse(tags)), field, type as FieldType))

  return {
    async learn(all) {
      const before = uncommitted.length
      const series = new Array<KnownSeries>(all.length)
      const rejections: Rejection[] = []
      let count = 0
      for (const point of all) {
        const known = seen.get(point.series) ?? identify(point.series)
        if (typeof known === 'string') rejections.push({ point, reason: conflict(point.series, known) })
        else series[count++] = known
      }
      await insert(uncommitted.slice(before))
      if (rejections.length === 0) return { points: all, series, rejections }
      const rejected = new Set(rejections.map((it) => it.point))
      return { points: all.filter((point) => !rejected.has(point)), series: series.slice(0, count), rejections }
    },
    get: (id) => byId.get(id) as KnownSeries,
    find({ device, site, channel }) {
      const some = device === undefined ? byId.values() : (byDevice.get(device) ?? [])
      return [...some].filter(
        (it) => (site === undefined || it.site === site) && (channel === undefined || it.channel === channel),
      )
    },
    fields: () => [...fields.values()],
    keepUncommitted() {
      uncommitted = []
    },
    forgetUncommitted() {
      for (const known of uncommitted) {
        byKey.delete(known.series.key)
        byId.delete(known.id)
        byDevice.get(known.device)?.delete(known)
      }
      uncommitted = []
      seen = new WeakMap()
      fields.clear()
      for (const { series } of byId.values())
        fields.set(fieldKey(series), { measurement: series.measurement, field: series.field, type: series.type })
    },
  }
}

const conflict = ({ measurement, field, type }: Series, was: FieldType) =>
  `field type conflict: field "${field}" of measurement "${measurement}" is ${was}, and this point is ${type}`
