/** The store that the configuration names. DuckDB's file stands in the data folder. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from './config/load.ts'
import { openDuckdb } from './stores/duckdb.ts'
import { openInfluxdb } from './stores/influxdb.ts'
import type { Store } from './stores/store.ts'
import type { Route } from './telemetry/route.ts'

const duckdbPath = (folder: string) => join(folder, 'readings.duckdb')

/** `folder`: the data folder. `routes`: those that count at the moment. */
export function openStore(store: Config['store'], folder: string, routes: () => Route[], log: Logger): Promise<Store> {
  if (store.type === 'duckdb') return openDuckdb(duckdbPath(folder))
  const checkpointPath = join(folder, 'influxdb.checkpoint.json')
  return openInfluxdb({ ...store, measurements: () => measurementsOf(routes()), checkpointPath, log })
}

export function describeStore(store: Config['store'], folder: string): string {
  return store.type === 'duckdb'
    ? `DuckDB, ${duckdbPath(folder)}`
    : `InfluxDB, ${store.url} org ${store.org} bucket ${store.bucket}`
}

/** Where readings go; null when only the payloads tell. */
function measurementsOf(routes: Route[]): string[] | null {
  const named = routes.flatMap((route) => [
    route.measurement,
    ...route.fields.flatMap((rule) => (rule.measurement === null ? [] : [rule.measurement])),
  ])
  const isOpen = routes.some((route) => route.payload.codec === 'influx') || named.some((name) => name.includes('{'))
  return isOpen ? null : [...new Set(named)]
}
