/** The servers that are measured, each in its own process with a fresh folder below `folder`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { treeOf } from './process-tree.ts'
import { commandPath, freePort, isExecutable, type Running, start } from './processes.ts'

export type Server = {
  mqttPort: number
  /** The processes that are compared, together. */
  pids: number[]
  /** A store in a process of its own. */
  storePid: number | null
  /** Readings by their fate, over the life of the data folder; null for a server that stores nothing. */
  counters: (() => Promise<Counters>) | null
  /** Stops it and tells how many different readings its store holds; null for a server that stores nothing. */
  finish(): Promise<number | null>
}
/** `held`: on their way to the store; null: nobody counts them. */
export type Counters = { stored: number; held: number | null }

/**
 * As in deploy/ and package.json. Records of a batch live until it is stored: in the 16 MiB that are usual for what is young,
 * they would be copied again and again, and outlive it.
 */
export const nodeFlags = ['--enable-source-maps', '--max-semi-space-size=32']

export const mosquittoPath = () => commandPath('mosquitto')
export function influxdPath(): string | null {
  const path = process.env.INFLUXD ?? join(homedir(), '.cache', 'influxd', 'influxd-v2.7.12')
  return isExecutable(path) ? path : null
}

/** The yardstick: a broker that keeps nothing and has nobody to forward to, so it does less than half of our work. `more`: lines of its configuration. */
export async function startMosquitto(program: string, folder: string, more: string[] = []): Promise<Server> {
  mkdirSync(folder, { recursive: true })
  const mqttPort = await freePort()
  const config = join(folder, 'mosquitto.conf')
  const settings = ['allow_anonymous true', 'persistence false', 'set_tcp_nodelay true', 'log_type error']
  writeFileSync(config, [`listener ${mqttPort} 127.0.0.1`, ...settings, ...more, ''].join('\n'))
  const running = await start(program, ['-c', config], () => isListening(mqttPort))
  const finish = () => running.stop().then(() => null)
  return { mqttPort, pids: [running.pid], storePid: null, counters: null, finish }
}

/** The peer: mosquitto, and a client of its own that writes what it is sent into InfluxDB. */
export async function startSubscriber(program: string, folder: string, store: Influxd): Promise<Server> {
  // By default mosquitto drops what a subscriber does not take fast enough, and sends twenty messages at a time.
  const broker = await startMosquitto(program, folder, ['max_queued_messages 0', 'max_inflight_messages 1000'])
  const httpPort = await freePort()
  const { org, bucket, token } = influxSetUp
  const writeUrl = `${store.url}/api/v2/write?${new URLSearchParams({ org, bucket, precision: 'ns' })}`
  const args = [join(import.meta.dirname, 'subscriber.js'), String(broker.mqttPort), String(httpPort), writeUrl, token]
  const running = await start(process.execPath, args, (output) => output.includes('subscribed'))
  return {
    mqttPort: broker.mqttPort,
    pids: [...broker.pids, running.pid],
    storePid: store.running.pid,
    async counters() {
      const { stored } = (await (await fetch(`http://127.0.0.1:${httpPort}`)).json()) as { stored: number }
      return { stored, held: null }
    },
    async finish() {
      await running.stop()
      await broker.finish()
      return store.count('voltage').finally(store.running.stop)
    },
  }
}

/** Our broker and journal, without anything behind them: what does the yardstick's work, and syncs it. */
export async function startBroker(folder: string, nodeOptions: string[]): Promise<Server> {
  mkdirSync(folder, { recursive: true })
  const mqttPort = await freePort()
  const program = join(import.meta.dirname, 'broker-alone.js')
  const args = [...nodeOptions, ...nodeFlags, program, String(mqttPort), join(folder, 'journal')]
  const running = await start(process.execPath, args, (output) => output.includes('listening'))
  const finish = () => running.stop().then(() => null)
  return { mqttPort, pids: [running.pid], storePid: null, counters: null, finish }
}

export type DewpointOptions = {
  folder: string
  /** As telemetry.yaml wants it. */
  store: string
  storePid: number | null
  /** Asked once Dewpoint has ended. */
  countStored: () => Promise<number>
  nodeOptions: string[]
  /** More keys of telemetry.yaml's `broker`, a line each. */
  broker?: string[]
  /** More lines of telemetry.yaml. */
  more?: string[]
}

export async function startDewpoint(options: DewpointOptions): Promise<Server & { metrics: () => Promise<string> }> {
  const { folder, store, storePid, countStored, nodeOptions, broker = [], more = [] } = options
  mkdirSync(folder, { recursive: true })
  const [mqttPort, httpPort] = [await freePort(), await freePort()]
  const config = join(folder, 'telemetry.yaml')
  const listen = `listen: [mqtt://127.0.0.1:${mqttPort}]`
  const lines = ['broker:', ...[listen, ...broker].map((it) => `  ${it}`), 'http:', `  listen: 127.0.0.1:${httpPort}`]
  writeFileSync(config, [...lines, `store: ${store}`, ...more, ''].join('\n'))
  const program = join(import.meta.dirname, '..', 'cli.js')
  const args = ['start', '--config', config, '--data', join(folder, 'data'), '--no-demo']
  const isUp = (output: string) => output.includes('Dewpoint is up.')
  const running = await start(process.execPath, [...nodeOptions, ...nodeFlags, program, ...args], isUp)
  return {
    mqttPort,
    pids: treeOf(running.pid),
    storePid,
    counters: async () => (await fetch(`http://127.0.0.1:${httpPort}/api/counters`)).json() as Promise<Counters>,
    metrics: async () => (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text(),
    async finish() {
      await running.stop()
      return countStored()
    },
  }
}

export type Influxd = { url: string; running: Running; count(measurement: string): Promise<number> }

export const influxSetUp = { org: 'bench', bucket: 'bench', token: 'bench-token' }

export async function startInfluxd(program: string, folder: string): Promise<Influxd> {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const files = ['--bolt-path', join(folder, 'influxd.bolt'), '--engine-path', join(folder, 'engine')]
  const more = ['--sqlite-path', join(folder, 'influxd.sqlite'), '--http-bind-address', `127.0.0.1:${port}`]
  const isUp = () =>
    fetch(`${url}/health`)
      .then(async (it) => (await it.text()) !== '' && it.ok)
      .catch(() => false)
  const running = await start(program, [...files, ...more, '--reporting-disabled', '--log-level', 'error'], isUp)
  const body = JSON.stringify({ username: 'admin', password: 'a-long-password', ...influxSetUp })
  const response = await fetch(`${url}/api/v2/setup`, { method: 'POST', body })
  if (response.status !== 201) throw new Error(`influxd set-up answered ${response.status}: ${await response.text()}`)
  return {
    url,
    running,
    async count(measurement) {
      const headers = { authorization: `Token ${influxSetUp.token}` }
      const q = new URLSearchParams({ q: `SELECT count(value) FROM ${measurement}` })
      const answer = await fetch(`${url}/query?db=${influxSetUp.bucket}`, { method: 'POST', headers, body: q })
      type Answer = { results: Array<{ series?: Array<{ values: number[][] }> }> }
      return ((await answer.json()) as Answer).results[0]?.series?.[0]?.values[0]?.[1] ?? 0
    },
  }
}

export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const isOpen = await Promise.race([
    new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false))),
    sleep(500, false),
  ])
  socket.destroy()
  return isOpen
}
