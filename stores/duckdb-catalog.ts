/** Series and their numbers: points carry four bytes instead of measurement and tags. */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { Series } from '../telemetry/point.ts'
import { deviceTag, siteTag, valueField } from '../telemetry/schema.ts'

export type KnownSeries = { id: number; measurement: string; field: string; tags: { [name: string]: string } }

export type Catalog = {
  /** Gives new series their numbers inside the open transaction. */
  learn(series: Series[]): Promise<void>
  /** The number of a series that is known. */
  idOf(series: Series): number
  all(): KnownSeries[]
  /** Series of readings of a device. */
  find(query: { device: string; site?: string; channel?: string }): KnownSeries[]
  keepUncommitted(): void
  forgetUncommitted(): void
}

const keyOf = ({ measurement, field, tags }: KnownSeries) =>
  JSON.stringify([measurement, field, Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1))])

export async function openCatalog(connection: DuckDBConnection): Promise<Catalog> {
  const byKey = new Map<string, KnownSeries>()
  const byDevice = new Map<string, KnownSeries[]>()
  let uncommitted: KnownSeries[] = []
  let lastId = 0

  function remember(series: KnownSeries): void {
    byKey.set(keyOf(series), series)
    const device = series.tags[deviceTag] ?? ''
    const others = byDevice.get(device)
    if (others === undefined) byDevice.set(device, [series])
    else others.push(series)
    lastId = Math.max(lastId, series.id)
  }

  const rows = await connection.runAndReadAll('SELECT id, measurement, field, tags FROM series')
  for (const [id, measurement, field, tags] of rows.getRows()) {
    remember({
      id: id as number,
      measurement: measurement as string,
      field: field as string,
      tags: JSON.parse(tags as string),
    })
  }

  return {
    async learn(all) {
      for (const series of all) {
        if (byKey.has(series.key)) continue
        const { measurement, field } = series
        const created: KnownSeries = { id: lastId + 1, measurement, field, tags: Object.fromEntries(series.tags) }
        const row = [created.id, measurement, field, JSON.stringify(created.tags)]
        await connection.run('INSERT INTO series VALUES ($1, $2, $3, $4)', row)
        remember(created)
        uncommitted.push(created)
      }
    },
    idOf: (series) => (byKey.get(series.key) as KnownSeries).id,
    all: () => [...byKey.values()],
    find({ device, site, channel }) {
      return (byDevice.get(device) ?? []).filter(
        (series) =>
          series.field === valueField &&
          (site === undefined || (series.tags[siteTag] ?? '') === site) &&
          (channel === undefined || series.measurement === channel),
      )
    },
    keepUncommitted() {
      uncommitted = []
    },
    forgetUncommitted() {
      for (const series of uncommitted) {
        byKey.delete(keyOf(series))
        const device = series.tags[deviceTag] ?? ''
        byDevice.set(
          device,
          (byDevice.get(device) ?? []).filter((it) => it !== series),
        )
      }
      uncommitted = []
    },
  }
}
