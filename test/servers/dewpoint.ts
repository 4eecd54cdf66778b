/** A real Dewpoint for a test: the compiled program in its own process, killed and started again on the same ports. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Balance } from '../../console/status.ts'
import type { Influxd } from './influxd.ts'
import { freePort } from './tools.ts'

export type { Balance } from '../../console/status.ts'

export type DewpointOptions = {
  /** Absent: the embedded store. */
  influxd?: Influxd
  /** More lines of telemetry.yaml. */
  config?: string
  /** Addresses that the broker listens on besides mqtt. */
  listen?: string[]
  /** More lines of its section `broker`. */
  broker?: string
  /** Processes that hold the connections; absent: DEWPOINT_WORKERS, or none. */
  workers?: number
  /** Where the data folder goes, when not into the test's own folder. */
  data?: string
  env?: NodeJS.ProcessEnv
  args?: string[]
}

export type DewpointServer = {
  readonly pid: number
  readonly mqttPort: number
  readonly mqttUrl: string
  readonly httpUrl: string
  readonly data: string
  /** Path of telemetry.yaml. */
  readonly config: string
  /** Log lines so far. */
  log(): string
  get<T>(path: string): Promise<T>
  counters(): Promise<Balance>
  /** Resolves when nothing is held or waiting; throws with the counters after the time. */
  drained(withinMs?: number): Promise<Balance>
  /** Writes other lines into telemetry.yaml, in place of DewpointOptions.config. */
  configure(config: string): void
  /** Resolves when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>
  restart(): Promise<void>
  /** Stops it and removes its folder. */
  close(): Promise<void>
}

/** Processes that a server has started. */
export const workersOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

/** Beside this folder when it is compiled itself, for a script. */
const above = resolve(import.meta.dirname, '..', '..')
const program = [join(above, 'cli.js'), join(above, 'dist', 'cli.js')].find(existsSync) ?? join(above, 'dist', 'cli.js')

export async function startDewpoint(options: DewpointOptions = {}): Promise<DewpointServer> {
  const folder = mkdtempSync(join(tmpdir(), 'dewpoint-'))
  const data = options.data ?? join(folder, 'data')
  const [mqttPort, httpPort] = [await freePort(), await freePort()]
  const httpUrl = `http://127.0.0.1:${httpPort}`
  const configPath = join(folder, 'telemetry.yaml')
  const { influxd } = options
  const store = influxd
    ? `{ type: influxdb, url: "${influxd.url}", org: ${influxd.org}, bucket: ${influxd.bucket}, token: "${influxd.token}" }`
    : '{ type: duckdb }'
  const listen = [`mqtt://127.0.0.1:${mqttPort}`, ...(options.listen ?? [])].join(', ')
  const workers = options.workers ?? Number(process.env.DEWPOINT_WORKERS ?? 0)
  const text = `broker:\n  listen: [${listen}]\n  workers: ${workers}\n${options.broker ?? ''}http:\n  listen: 127.0.0.1:${httpPort}\nstore: ${store}\n`
  const configure = (config: string) => writeFileSync(configPath, text + config)
  configure(options.config ?? '')
  let child: ChildProcess
  let log = ''

  async function start(): Promise<void> {
    const args = ['--enable-source-maps', program, 'start', '--config', configPath, '--data', data, '--no-demo']
    child = spawn(process.execPath, [...args, ...(options.args ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    })
    let out = ''
    child.stdout?.on('data', (bytes) => {
      out += bytes
    })
    child.stderr?.on('data', (bytes) => {
      log += bytes
    })
    const deadline = Date.now() + 20_000
    while (!out.includes('Dewpoint is up.')) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Dewpoint did not start: ${log}`)
      if (Date.now() > deadline) throw new Error(`Dewpoint is not up after 20 s: ${log}`)
      await sleep(10)
    }
  }
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  await start()

  const server: DewpointServer = {
    get pid() {
      return child.pid as number
    },
    mqttPort,
    mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
    httpUrl,
    data,
    config: configPath,
    log: () => log,
    async get(path) {
      const response = await fetch(httpUrl + path)
      if (!response.ok && response.status !== 503)
        throw new Error(`${path}: ${response.status} ${await response.text()}`)
      return response.json() as never
    },
    counters: () => server.get<Balance>('/api/counters'),
    async drained(withinMs = 20_000) {
      for (const deadline = Date.now() + withinMs; ; await sleep(20)) {
        const balance = await server.counters()
        if (balance.held === 0 && balance.waiting === 0) return balance
        if (Date.now() > deadline) throw new Error(`not drained: ${JSON.stringify(balance)}\n${log.slice(-2000)}`)
      }
    },
    configure,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
    },
    restart: start,
    async close() {
      process.off('exit', killAtExit)
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return server
}
