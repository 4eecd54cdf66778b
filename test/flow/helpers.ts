/** What the tests of whole ways share: clients that keep what they hear, the answers of the API, commands that end. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import type { DewpointServer } from '../servers/dewpoint.ts'

/** For vi.waitFor: far longer than anything takes on a busy machine, so that only a real fault ends a wait. */
export const patient = { timeout: 20_000, interval: 20 }

export const repository = resolve(import.meta.dirname, '..', '..')

/** A client that stays away once its connection is gone: what a test breaks must not mend itself. */
export const connect = (url: string, options: IClientOptions = {}): Promise<MqttClient> =>
  connectAsync(url, { reconnectPeriod: 0, ...options }, false)

export type Heard = { topic: string; payload: string; retain: boolean }

/** A subscriber and everything it heard, in order. Resolves after SUBACK, so nothing published later is missed. */
export async function listen(url: string, filter: string): Promise<{ heard: Heard[]; client: MqttClient }> {
  const client = await connect(url)
  const heard: Heard[] = []
  client.on('message', (topic, payload, { retain }) => heard.push({ topic, payload: payload.toString(), retain }))
  await client.subscribeAsync(filter, { qos: 1 })
  return { heard, client }
}

export type StoredReading = { time: string; value: number }

export const readings = (
  server: DewpointServer,
  device: string,
  channel = 'rainfall',
  more: Record<string, string> = {},
): Promise<StoredReading[]> => server.get(`/api/readings?${new URLSearchParams({ device, channel, ...more })}`)

/** Stored values in the order of their times, once nothing is on its way any more. */
export async function storedValues(server: DewpointServer, device: string, channel = 'rainfall'): Promise<number[]> {
  await server.drained()
  return (await readings(server, device, channel)).map((it) => it.value)
}

export type DeviceAnswer = {
  device: string
  site: string
  state: string
  since: string
  lastSeen: string
  why: string
  latest: Record<string, { time: string; value: number; unit: string }>
}

export async function deviceOf(server: DewpointServer, name: string): Promise<DeviceAnswer | undefined> {
  const devices = await server.get<DeviceAnswer[]>('/api/devices')
  return devices.find((it) => it.device === name)
}

/** A metric of /metrics with its labels as they are written there; 0 when it does not appear. */
export async function metric(server: DewpointServer, name: string): Promise<number> {
  const text = await (await fetch(`${server.httpUrl}/metrics`)).text()
  const line = text.split('\n').find((it) => it.startsWith(`${name} `))
  return line === undefined ? 0 : Number(line.slice(name.length + 1))
}

export const refusals = (server: DewpointServer, code: string): Promise<number> =>
  metric(server, `dewpoint_broker_refused_total{code="${code}"}`)

export type Ended = { status: number | null; stdout: string; stderr: string }
type RunOptions = { input?: string; env?: NodeJS.ProcessEnv; cwd?: string; withinMs?: number }

/** A command that must end by itself; killed after the time, which shows as status null. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<Ended> {
  const { input, env, cwd = repository, withinMs = 40_000 } = options
  return new Promise((fulfil, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, timeout: withinMs })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (bytes) => {
      stdout += bytes
    })
    child.stderr.on('data', (bytes) => {
      stderr += bytes
    })
    child.once('error', reject)
    child.once('close', (status) => fulfil({ status, stdout, stderr }))
    // A command that does not read its input closes the pipe; that is its own business.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** Real readings beside the repository. @throws Error when they are absent in CI, where no test is lost in silence. */
export function needsSharedData(): { folder: string; reason: string | null } {
  const folder = resolve(repository, '..', 'shared', 'data')
  if (existsSync(folder)) return { folder, reason: null }
  const reason = `${folder} is missing`
  if (process.env.CI === 'true') throw new Error(`no test is skipped in CI: ${reason}`)
  process.stderr.write(`skipped: ${reason}\n`)
  return { folder, reason }
}
