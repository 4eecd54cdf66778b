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
  startSubscriber,
} from './servers.ts'

/** Connected all the time; each load uses the first of them. */
export const clients = 500

export const warmUp: Load = { name: 'warm-up', messages: 40_000, clients: 50, window: 20 }
export const loads: Load[] = [
  { name: 'window 20', messages: 200_000, clients: 50, window: 20 },
  { name: 'one per segment', messages: 100_000, clients: 500, window: 1 },
  { name: '2,000/s', messages: 40_000, clients: 100, ratePerS: 2_000 },
  { name: '10,000/s', messages: 100_000, clients: 100, ratePerS: 10_000 },
]

export type Case = {
  name: string
  /** Why it cannot run here, or null. */
  missing: string | null
  start(folder: string, nodeOptions: string[]): Promise<Server>
}

export const yardstick = 'mosquitto_qos1_alone'
/** What brings readings into a store without us. */
export const peer = 'mosquitto_and_subscriber_to_influxdb'

const mosquitto = mosquittoPath()
const influxd = influxdPath()
const noMosquitto = mosquitto === null ? 'mosquitto is missing: apt-get install mosquitto' : null
const noInfluxd = influxd === null ? 'influxd is missing: set INFLUXD, or run .ci/build-influxd.sh' : null
const startStore = (folder: string) => startInfluxd(influxd as string, join(folder, 'influxd'))

export const cases: Case[] = [
  {
    name: yardstick,
    missing: noMosquitto,
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
    missing: noInfluxd,
    start: (folder, nodeOptions) => startToInfluxdb(folder, nodeOptions, 0),
  },
  {
    name: 'qos1_json_to_influxdb_by_a_worker',
    missing: noInfluxd,
    start: (folder, nodeOptions) => startToInfluxdb(folder, nodeOptions, 1),
  },
  {
    name: peer,
    missing: noMosquitto ?? noInfluxd,
    start: async (folder) => startSubscriber(mosquitto as string, folder, await startStore(folder)),
  },
]

async function startToInfluxdb(folder: string, nodeOptions: string[], workers: number): Promise<Server> {
  const server = await startStore(folder)
  const { org, bucket, token } = influxSetUp
  const store = `{ type: influxdb, url: "${server.url}", org: ${org}, bucket: ${bucket}, token: "${token}" }`
  const countStored = () => server.count('voltage').finally(server.running.stop)
  const broker = [`workers: ${workers}`]
  return startDewpoint({ folder, store, storePid: server.running.pid, countStored, nodeOptions, broker })
}

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
