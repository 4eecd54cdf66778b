/** A real InfluxDB 2.7 for a test: started, set up, stopped, killed, paused and brought back on the same port and data. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, influxdPath } from './tools.ts'

export { influxdPath } from './tools.ts'

export type Cell = string | number | boolean | null
/** One row of an answer with its tags; times in milliseconds since 1970. */
export type Row = Record<string, Cell>
/** A series as InfluxDB answers it. */
export type Series = { name?: string; tags?: Record<string, string>; columns: string[]; values: Cell[][] }

export type Influxd = {
  readonly url: string
  readonly org: string
  readonly bucket: string
  readonly token: string
  /** Of the running server, or of the last one. */
  readonly pid: number
  readonly port: number
  readonly dir: string
  /** Writes line protocol, times in nanoseconds. */
  write(lines: string): Promise<void>
  series(influxql: string): Promise<Series[]>
  query(influxql: string): Promise<Row[]>
  /** Resolves when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Resolves when the server answers again, on the same port and with the same data. */
  restart(): Promise<void>
  /** Resolves when the process stands still: the kernel still takes connections, and nothing answers. */
  pause(): Promise<void>
  resume(): void
  /** Kills the server and removes its folder. */
  close(): Promise<void>
}

const org = 'sensors'
const bucket = 'readings'
const token = 'dev-token-0123456789'
const readyMsMax = 30_000

export async function startInfluxd(options: { port?: number; dir?: string } = {}): Promise<Influxd> {
  const program = influxdPath()
  if (program === null) throw new Error('influxd is missing: ask needs({ influxd: true }) first')
  const port = options.port ?? (await freePort())
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'dewpoint-influxd-'))
  const url = `http://127.0.0.1:${port}`
  let child = await launch(program, dir, port)
  // A test run that is aborted leaves no server behind.
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)

  const ask = async (path: string, body: string | URLSearchParams) => {
    const headers = { authorization: `Token ${token}` }
    const response = await fetch(`${url}${path}`, { method: 'POST', headers, body })
    const text = await response.text()
    if (!response.ok) throw new Error(`influxd answered ${response.status}: ${text}`)
    return text
  }
  const series = async (influxql: string) => {
    const text = await ask(`/query?db=${bucket}&epoch=ms`, new URLSearchParams({ q: influxql }))
    const { results } = JSON.parse(text) as { results: Array<{ error?: string; series?: Series[] }> }
    const error = results.find((result) => result.error !== undefined)?.error
    if (error !== undefined) throw new Error(`influxd refused ${influxql}: ${error}`)
    return results.flatMap((result) => result.series ?? [])
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    // A paused process sees its signal only when it goes on.
    child.kill('SIGCONT')
    await ended
  }

  try {
    await setUp(url)
  } catch (error) {
    await stop('SIGKILL')
    throw error
  }
  return {
    url,
    org,
    bucket,
    token,
    get pid() {
      return child.pid ?? 0
    },
    port,
    dir,
    async write(lines) {
      await ask(`/api/v2/write?org=${org}&bucket=${bucket}&precision=ns`, lines)
    },
    series,
    async query(influxql) {
      const found = await series(influxql)
      return found.flatMap(({ tags, columns, values }) =>
        values.map((cells) => ({
          ...tags,
          ...Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? null])),
        })),
      )
    },
    stop,
    async restart() {
      await stop()
      child = await launch(program, dir, port)
    },
    async pause() {
      child.kill('SIGSTOP')
      // The signal reaches the threads one after another; until then one of them may still answer.
      while (!isStopped(child.pid ?? 0)) await sleep(1)
    },
    resume: () => void child.kill('SIGCONT'),
    async close() {
      await stop('SIGKILL')
      process.off('exit', killAtExit)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Resolves when the server answers; rejects with its last words when it ends before. */
async function launch(program: string, dir: string, port: number): Promise<ChildProcess> {
  const logPath = join(dir, 'influxd.log')
  const log = openSync(logPath, 'a')
  const files = ['--bolt-path', join(dir, 'influxd.bolt'), '--engine-path', join(dir, 'engine')]
  const more = ['--sqlite-path', join(dir, 'influxd.sqlite'), '--http-bind-address', `127.0.0.1:${port}`]
  const child = spawn(program, [...files, ...more, '--reporting-disabled'], { stdio: ['ignore', log, log] })
  closeSync(log)
  const giveUpAt = Date.now() + readyMsMax
  while (child.exitCode === null && child.signalCode === null && Date.now() < giveUpAt) {
    const health = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null)
    await health?.body?.cancel()
    if (health?.ok) return child
    await sleep(50)
  }
  child.kill('SIGKILL')
  throw new Error(`influxd did not start on port ${port}: ${readFileSync(logPath, 'utf8').slice(-2000)}`)
}

/** The state of a thread is the first word behind its name, which stands in brackets. */
export const isStopped = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/task`).every((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
  })

/** Organisation, bucket and token, unless the folder has them from an earlier start. */
async function setUp(url: string): Promise<void> {
  const { allowed } = (await (await fetch(`${url}/api/v2/setup`)).json()) as { allowed: boolean }
  if (!allowed) return
  const body = JSON.stringify({ username: 'admin', password: 'a-long-password', org, bucket, token })
  const response = await fetch(`${url}/api/v2/setup`, { method: 'POST', body })
  if (response.status !== 201) throw new Error(`influxd set-up answered ${response.status}: ${await response.text()}`)
}
