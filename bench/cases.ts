/** The cases by name: what is started for each of them, or why it cannot be. */
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Load } from './load.ts'
import {
  influxdPath,
  influxSetUp,
  mosquittoPath,
  type Server,
  startBroker,
  startDewpoint,
  startInfluxd,
  startMosquitto,
} from './servers.ts'

/** Connected all the time; each load uses the first of them. */
export const clients = 500

export const warmUp: Load = { name: 'warm-up', messages: 40_000, clients: 50, window: 20 }
export const loads: Load[] = [
  { name: 'window 20', messages: 200_000, clients: 50, window: 20 },
  { name: 'one per segment', messages: 100_000, clients: 500, window: 1 },
  { name: '2,000/s', messages: 20_000, clients: 100, ratePerS: 2_000 },
  { name: '10,000/s', messages: 50_000, clients: 100, ratePerS: 10_000 },
]

export type Case = {
  name: string
  /** Why it cannot run here, or null. */
  missing: string | null
  start(folder: string, nodeOptions: string[]): Promise<Server>
}

export const yardstick = 'mosquitto_qos1_alone'

const mosquitto = mosquittoPath()
const influxd = influxdPath()

export const cases: Case[] = [
  {
    name: yardstick,
    missing: mosquitto === null ? 'mosquitto is missing: apt-get install mosquitto' : null,
    start: (folder) => startMosquitto(mosquitto as string, folder),
  },
  {
    name: 'qos1_broker_and_journal',
    missing: null,
    start: startBroker,
  },
  {
    name: 'qos1_json_to_duckdb',
    missing: null,
    start: (folder, nodeOptions) =>
      startDewpoint({
        folder,
        store: '{ type: duckdb }',
        storePid: null,
        countStored: () => countInDuckdb(join(folder, 'data', 'readings.duckdb')),
        nodeOptions,
      }),
  },
  {
    name: 'qos1_json_to_influxdb',
    missing: influxd === null ? 'influxd is missing: set INFLUXD, or run .ci/build-influxd.sh' : null,
    async start(folder, nodeOptions) {
      const server = await startInfluxd(influxd as string, join(folder, 'influxd'))
      const { org, bucket, token } = influxSetUp
      const store = `{ type: influxdb, url: "${server.url}", org: ${org}, bucket: ${bucket}, token: "${token}" }`
      const countStored = () => server.count('voltage').finally(server.running.stop)
      return startDewpoint({ folder, store, storePid: server.running.pid, countStored, nodeOptions })
    },
  },
]

/** The file itself is asked, not the program that wrote it. */
export async function countInDuckdb(path: string): Promise<number> {
  const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' })
  const connection = await instance.connect()
  const answer = await connection.runAndReadAll(
    `SELECT count(DISTINCT (p.series, p.time)) FROM points p JOIN series s ON p.series = s.id
     WHERE s.measurement = 'voltage'`,
  )
  const count = Number(answer.getRows()[0]?.[0])
  connection.closeSync()
  instance.closeSync()
  return count
}
