/** The load of one process: as fast as PUBACKs come back, or at a steady rate whether they come or not. */
import { createHistogram, type Histogram, type SavedHistogram } from './histogram.ts'
import { type LoadConnection, openLoadConnection, windowMax } from './load-connection.ts'
import { createTemplate } from './template.ts'

export type LoadOptions = {
  host: string
  port: number
  username?: string
  password?: string
  /** Begins client identifiers. */
  clientPrefix: string
  /** The number of the first client: several processes share numbers out, so that none is the device of two clients. */
  firstClient: number
  connections: number
  qos: 0 | 1
  /** Messages without a PUBACK on one connection, at most. */
  window: number
  /** Messages in a second over all connections; 0: as fast as possible. */
  ratePerS: number
  /** {n} is the number of the connection. */
  topic: string
  /** Text with {n}, {time}, {value} (template.ts), or bytes. */
  payload: string | Buffer
  durationMs: number
  /** Before that, of which nothing counts. */
  warmUpMs: number
}

export type LoadResult = {
  sent: number
  acknowledged: number
  /** Sent and without an answer when the time to wait for it was over; 0 with QoS 0. */
  unacknowledged: number
  /** What was due at the rate and could not be sent, since the window was full. */
  behind: number
  seconds: number
  latency: SavedHistogram
  errors: string[]
  /** CPU seconds of this process. */
  cpuS: number
}

/** How many connects are under way at once. */
const connectsAtOnce = 100
const answerMsMax = 10_000
const errorsMax = 20
/** Of QoS 0: more would only make memory of it. */
const waitingBytesMax = 256 * 1024

/** `onWarm`: what counts begins now. @throws Error when a connection cannot be opened */
export async function runLoad(options: LoadOptions, onWarm: () => void = () => {}): Promise<LoadResult> {
  const { qos, ratePerS, warmUpMs, durationMs } = options
  const window = Math.min(options.window, windowMax)
  const latencies = createHistogram()
  const counts = { sent: 0, acknowledged: 0 }
  const errors: string[] = []
  const open = new Set<LoadConnection>()
  let isSending = false

  /** Fills the window up again with one write. */
  function top(connection: LoadConnection): void {
    if (!isSending || ratePerS > 0 || !open.has(connection)) return
    const room = qos === 1 ? window - connection.inFlight() : connection.waiting() < waitingBytesMax ? window : 0
    if (room > 0) send(connection, room, performance.now())
    if (qos === 0 && room > 0) setImmediate(top, connection)
  }
  function send(connection: LoadConnection, count: number, dueAtMs: number): void {
    connection.publish(count, dueAtMs)
    counts.sent += count
  }

  await connectAll(options, latencies, open, {
    onAcknowledged(connection, count) {
      counts.acknowledged += count
      top(connection)
    },
    onDrained: top,
    onFailed(connection, error) {
      open.delete(connection)
      if (errors.length < errorsMax) errors.push(error.message)
    },
  })

  isSending = true
  let pace = ratePerS > 0 ? keepRate([...open], ratePerS, window, qos, send) : null
  for (const connection of open) top(connection)
  await wait(warmUpMs)
  latencies.clear()
  const before = { ...counts, inFlight: inFlightOf(open), cpu: process.cpuUsage(), behind: pace?.behind() ?? 0 }
  const beganAtMs = performance.now()
  onWarm()
  await wait(durationMs)
  isSending = false
  const behind = (pace?.stop() ?? 0) - before.behind
  pace = null
  const seconds = (performance.now() - beganAtMs) / 1000
  const { user, system } = process.cpuUsage(before.cpu)
  const [sent, acknowledged] = [counts.sent - before.sent, counts.acknowledged - before.acknowledged]
  for (const giveUpAt = performance.now() + answerMsMax; inFlightOf(open) > 0 && performance.now() < giveUpAt; )
    await wait(5)
  const unacknowledged = qos === 0 ? 0 : counts.sent - counts.acknowledged
  await Promise.all([...open].map((connection) => connection.end()))
  const cpuS = (user + system) / 1e6
  return { sent, acknowledged, unacknowledged, behind, seconds, latency: latencies.save(), errors, cpuS }
}

const inFlightOf = (open: Iterable<LoadConnection>) => [...open].reduce((sum, it) => sum + it.inFlight(), 0)
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

type Handlers = Pick<Parameters<typeof openLoadConnection>[0], 'onAcknowledged' | 'onDrained' | 'onFailed'>

async function connectAll(options: LoadOptions, latencies: Histogram, open: Set<LoadConnection>, handlers: Handlers) {
  const { connections, firstClient, topic, payload, qos, clientPrefix } = options
  for (let first = 0; first < connections; first += connectsAtOnce) {
    const some = Array.from({ length: Math.min(connectsAtOnce, connections - first) }, async (_, i) => {
      const number = String(firstClient + first + i)
      const template = createTemplate(topic.replaceAll('{n}', number), payload, qos)
      const clientId = `${clientPrefix}${number}`
      open.add(await openLoadConnection({ ...options, ...handlers, clientId, template, latencies }))
    })
    await Promise.all(some)
  }
}

/** Sends what is due, whether PUBACKs come or not: a broker that stalls is asked no less, and its latency shows. */
export function keepRate(
  connections: LoadConnection[],
  ratePerS: number,
  window: number,
  qos: 0 | 1,
  send: (connection: LoadConnection, count: number, dueAtMs: number) => void,
  clock: { nowMs(): number; every(ms: number, run: () => void): () => void } = {
    nowMs: () => performance.now(),
    every(ms, run) {
      const timer = setInterval(run, ms)
      return () => clearInterval(timer)
    },
  },
): { behind(): number; stop(): number } {
  const startMs = clock.nowMs()
  const everyMs = 1000 / ratePerS
  let taken = 0
  let next = 0
  /** The first connection, from the next one on, whose window has room; all the others are looked at once. */
  function withRoom(): LoadConnection | undefined {
    for (let i = 0; i < connections.length; i++) {
      const connection = connections[(next + i) % connections.length] as LoadConnection
      if (qos === 0 || connection.inFlight() < window) {
        next += i + 1
        return connection
      }
    }
    return undefined
  }
  const behind = () => Math.floor((clock.nowMs() - startMs) / everyMs) - taken
  const stop = clock.every(1, () => {
    for (let due = behind(); due > 0; due--) {
      const connection = withRoom()
      if (connection === undefined) return
      send(connection, 1, startMs + taken * everyMs)
      taken++
    }
  })
  return {
    behind,
    stop() {
      stop()
      return Math.max(0, behind())
    },
  }
}
