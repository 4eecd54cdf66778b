/** `dewpoint simulate load`: how much a broker takes, and how long its PUBACKs take, at what cost. */

import { brokerAddress } from '../devices-sim/link/broker-address.ts'
import { createHistogram } from '../devices-sim/load/histogram.ts'
import type { LoadOptions, LoadResult } from '../devices-sim/load/load.ts'
import { windowMax } from '../devices-sim/load/load-connection.ts'
import { runLoads } from '../devices-sim/load/many.ts'
import { cpuSeconds, findProcesses, pssMiB, type Watched } from '../devices-sim/load/processes.ts'
import { StartError } from '../telemetry/errors.ts'
import { parseDuration, parseOptions, parseUrl, parseWhole } from './options.ts'

const help = `Usage: dewpoint simulate load [options]

Publishes as fast as a broker acknowledges, or at a steady rate, and says how long PUBACKs took. Any MQTT 3.1.1 broker.

  --url URL         the broker; mqtt://user:password@host too    (mqtt://127.0.0.1:1883)
  --connections N   clients                                      (50)
  --qos Q           0 or 1                                       (1)
  --window N        messages without a PUBACK, of each client    (20)
  --rate N          messages in a second over all clients; 0: as fast as possible  (0)
  --topic TOPIC     {n} is the client's number                   (sensors/load/d{n}/voltage)
  --payload TEXT    {n} counts up, {time} milliseconds since 1970, {value} 3.000 to 3.999
                                                                 ({"v":{value},"t":{time},"seq":{n}})
  --bytes N         instead of --payload: so many bytes
  --duration TIME   what is measured                             (10s)
  --warm-up TIME    before that                                  (2s)
  --processes N     of this tool                                 (1)
  --watch WHAT      number or name of a process whose CPU and memory are told; may be given again
  --remote          allows a broker that is not on this machine: it must be yours
  --json            the result as one line of JSON
  --help            this text

With --rate a latency counts from when the message was due, so that a broker that stalls cannot hide it.
Exit code: 0 when every message was acknowledged, 1 when not, 2 for bad options.
`

const isLoopback = (host: string) => /^(127\.[\d.]+|localhost|\[?::1\]?)$/.test(host)

export async function run(argv: string[]): Promise<number> {
  const { values } = parseOptions({
    args: argv,
    options: {
      url: { type: 'string', default: 'mqtt://127.0.0.1:1883' },
      connections: { type: 'string', default: '50' },
      qos: { type: 'string', default: '1' },
      window: { type: 'string', default: '20' },
      rate: { type: 'string', default: '0' },
      topic: { type: 'string', default: 'sensors/load/d{n}/voltage' },
      payload: { type: 'string', default: '{"v":{value},"t":{time},"seq":{n}}' },
      bytes: { type: 'string' },
      duration: { type: 'string', default: '10s' },
      'warm-up': { type: 'string', default: '2s' },
      processes: { type: 'string', default: '1' },
      watch: { type: 'string', multiple: true, default: [] },
      remote: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const url = parseUrl('url', values.url)
  const { hostname } = new URL(url)
  if (!isLoopback(hostname) && !values.remote) {
    throw new StartError(
      `--url: "${url}" given; a load on another machine wants --remote, and the machine must be yours`,
    )
  }
  const connections = parseWhole('connections', values.connections, 1, 15_000)
  const processes = parseWhole('processes', values.processes, 1, Math.min(64, connections))
  const options: LoadOptions = {
    ...brokerAddress(url),
    clientPrefix: `load-${process.pid}-`,
    firstClient: 0,
    connections,
    qos: parseWhole('qos', values.qos, 0, 1) as 0 | 1,
    window: parseWhole('window', values.window, 1, windowMax),
    ratePerS: parseWhole('rate', values.rate, 0, 10_000_000),
    topic: values.topic,
    payload:
      values.bytes === undefined ? values.payload : Buffer.alloc(parseWhole('bytes', values.bytes, 0, 200_000), 'x'),
    durationMs: parseDuration('duration', values.duration),
    warmUpMs: parseDuration('warm-up', values['warm-up']),
  }
  const watched = values.watch.flatMap(processesOf)

  let cpuBefore: number[] = []
  const result = await runLoads(processes, options, () => {
    cpuBefore = watched.map(({ pid }) => cpuSeconds(pid))
  }).catch((error: Error) => error)
  if (result instanceof Error) {
    process.stderr.write(`${url}: ${result.message || String((result as NodeJS.ErrnoException).code)}\n`)
    return 1
  }
  const costs = watched.map(({ pid, name }, i) => ({
    pid,
    name,
    cpuUs: ((cpuSeconds(pid) - (cpuBefore[i] as number)) * 1e6) / Math.max(1, result.sent),
    memoryMiB: pssMiB(pid),
  }))
  process.stdout.write(
    values.json ? `${JSON.stringify(summary(result, costs))}\n` : describe(result, costs, options.qos),
  )
  for (const error of result.errors) process.stderr.write(`${error}\n`)
  return result.unacknowledged === 0 && result.errors.length === 0 && result.sent > 0 ? 0 : 1
}

function processesOf(wanted: string): Watched[] {
  const found = findProcesses(wanted)
  if (found.length === 0)
    throw new StartError(`--watch: "${wanted}" given, the number or the name of a process that runs wanted`)
  return found
}

type Cost = Watched & { cpuUs: number; memoryMiB: number }

function summary(result: LoadResult, watched: Cost[]) {
  const latencies = createHistogram()
  latencies.add(result.latency)
  const { sent, acknowledged, unacknowledged, behind, seconds, cpuS } = result
  const [p50Ms, p90Ms, p99Ms, p999Ms] = [0.5, 0.9, 0.99, 0.999].map((part) => latencies.percentile(part))
  return {
    sent,
    acknowledged,
    unacknowledged,
    behind,
    seconds,
    perS: sent / seconds,
    latencyMs: { p50: p50Ms, p90: p90Ms, p99: p99Ms, p999: p999Ms, max: latencies.max() },
    ownCpuUs: (cpuS * 1e6) / Math.max(1, sent),
    watched,
  }
}

function describe(result: LoadResult, watched: Cost[], qos: 0 | 1): string {
  const { perS, latencyMs, ownCpuUs, ...it } = summary(result, watched)
  const ms = (value: number | undefined) => `${(value ?? Number.NaN).toFixed(2)} ms`
  const lines = [
    `${it.sent} sent in ${it.seconds.toFixed(1)} s: ${Math.round(perS)} a second`,
    ...(qos === 0
      ? []
      : [
          `${it.acknowledged} acknowledged in that time, ${it.unacknowledged} never`,
          `PUBACK after p50 ${ms(latencyMs.p50)}, p90 ${ms(latencyMs.p90)}, p99 ${ms(latencyMs.p99)}, p99.9 ${ms(latencyMs.p999)}, max ${ms(latencyMs.max)}`,
        ]),
    ...(it.behind === 0 ? [] : [`${it.behind} were due and not sent: every window was full`]),
    `this tool: ${ownCpuUs.toFixed(2)} µs of CPU for a message`,
    ...watched.map(
      ({ name, pid, cpuUs, memoryMiB }) => `${name} (${pid}): ${cpuUs.toFixed(2)} µs, ${memoryMiB.toFixed(0)} MiB`,
    ),
  ]
  return `${lines.join('\n')}\n`
}
