/**
 * The load, in a process of its own, so that its CPU is not the server's: `generator.js PORT CLIENTS`. It connects the
 * clients, says "connected", then reads loads from standard input and answers each with what it saw. Between loads the
 * connections stay, so that neither connecting nor a cold generator is measured.
 */
import { createInterface } from 'node:readline'
import { createHistogram } from '../devices-sim/load/histogram.ts'
import { type LoadConnection, openLoadConnection } from '../devices-sim/load/load-connection.ts'
import { createTemplate } from '../devices-sim/load/template.ts'
import { epochMs, type Load, type Sent } from './load.ts'

const [port, clients] = process.argv.slice(2).map(Number) as [number, number]
const publishers: LoadConnection[] = []
const latencies = createHistogram()
let onAcked = (_publisher: LoadConnection, _count: number) => {}

function fail(error: Error): never {
  console.error(`generator: ${error.message}`)
  process.exit(1)
}

function send(load: Load): Promise<Sent> {
  latencies.clear()
  const cpuBefore = process.cpuUsage()
  const startedAtMs = epochMs()
  let left = load.messages
  let acked = 0
  const active = publishers.slice(0, load.clients)
  return new Promise((resolve) => {
    onAcked = (publisher, count) => {
      acked += count
      if ('window' in load) top(publisher, load.window)
      if (acked < load.messages) return
      const tookMs = epochMs() - startedAtMs
      const { user, system } = process.cpuUsage(cpuBefore)
      const [p50Ms, p99Ms] = [latencies.percentile(0.5), latencies.percentile(0.99)]
      resolve({ acked, startedAtMs, tookMs, p50Ms, p99Ms, cpuS: (user + system) / 1e6 })
    }
    if ('window' in load) for (const publisher of active) top(publisher, load.window)
    else keepRate(load.ratePerS)
  })

  /** Fills the window up again with one write. */
  function top(publisher: LoadConnection, window: number): void {
    const count = Math.min(left, window - publisher.inFlight())
    left -= count
    if (count > 0) publisher.publish(count, performance.now())
  }

  /** Sends what is due, whether PUBACKs come or not: a server that stalls is asked no less, and its latency shows. */
  function keepRate(ratePerS: number): void {
    const timer = setInterval(() => {
      const due = Math.floor(((epochMs() - startedAtMs) * ratePerS) / 1000)
      while (left > 0 && load.messages - left < due) {
        active[(load.messages - left) % load.clients]?.publish(1, performance.now())
        left--
      }
      if (left === 0) clearInterval(timer)
    }, 1)
  }
}

for (let i = 0; i < clients; i++) {
  const device = `d${String(i).padStart(3, '0')}`
  const connection = {
    host: '127.0.0.1',
    port,
    clientId: `bench-${device}`,
    template: createTemplate(`sensors/bench/${device}/voltage`, '{"v":{value},"t":{time},"seq":{n}}', 1),
    qos: 1 as const,
    latencies,
    onAcknowledged: (publisher: LoadConnection, count: number) => onAcked(publisher, count),
    onDrained() {},
    onFailed: (_: LoadConnection, error: Error) => fail(error),
  }
  publishers.push(await openLoadConnection(connection).catch(fail))
}
console.log('connected')
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await send(JSON.parse(line) as Load)))
}
process.exit(0)
