/**
 * `node dist/bench/alert-latency.js`: from a dropped socket to the notification at a webhook and at an MQTT subscriber, while readings
 * come in and other devices do what must not be told. Writes its part of bench/RESULTS.md. Exit 1 when a drop was not told once and
 * only once, when anything else was told, or when it took too long.
 */
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createHistogram } from '../devices-sim/load/histogram.ts'
import { createRandom } from '../devices-sim/random.ts'
import type { Wire } from '../test/flow/wire.ts'
import { openDropped, startListeners, type Told, type Way, ways } from './drops.ts'
import { readMachine } from './machine.ts'
import { passingFolder, profileInto, wholeNumber } from './options.ts'
import { costOf, treeOf } from './process-tree.ts'
import { start } from './processes.ts'
import { machineLines, tableLines } from './report.ts'
import { startRestless } from './restless.ts'
import { writePart } from './results-file.ts'
import { startDewpoint } from './servers.ts'

const { values } = parseArgs({
  options: {
    drops: { type: 'string', default: '1000' },
    'per-second': { type: 'string', default: '10' },
    rate: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '7' },
    /** Where the server leaves CPU profiles. */
    profile: { type: 'string' },
    results: { type: 'string', default: join('bench', 'RESULTS.md') },
  },
})
const drops = wholeNumber('--drops', values.drops, 1)
const dropsPerS = wholeNumber('--per-second', values['per-second'], 1)
const ratePerS = wholeNumber('--rate', values.rate, 0)
const seed = wholeNumber('--seed', values.seed, 0)
/** What is promised. */
const p99MsMax = 300
const opensAtOnce = 50
const restlessEveryMs = 500
/** What is not told by then is not told. */
const toldMsMax = 10_000
/** A device that was told of stays away for so long, ... */
const awayMs = 500
/** ... and what is told of its return, or wrongly, would have come by then. */
const calmMs = 3_000

const syncEveryMs = 100
const syncBytes = Buffer.alloc(4096, 1)

const folder = passingFolder('alert-latency')
const machine = readMachine()
/** When each device was dropped, and of which ways it has not been told. */
const dropped = new Map<string, { atMs: number; missing: Set<Way>; onTold: () => void }>()
const latencies = { webhook: createHistogram(), MQTT: createHistogram() }
const unasked: Told[] = []

function take(told: Told): void {
  if (told.kind === 'resolved') return
  const drop = dropped.get(told.device)
  if (drop === undefined || told.kind !== 'fired' || !drop.missing.delete(told.way)) {
    unasked.push(told)
    return
  }
  const tookMs = told.atMs - drop.atMs
  latencies[told.way].record(tookMs)
  if (tookMs > p99MsMax)
    console.log(
      `${told.device} at the ${told.way} after ${tookMs.toFixed(0)} ms, dropped at ${(drop.atMs / 1000).toFixed(1)} s`,
    )
  if (drop.missing.size === 0) drop.onTold()
}

const listeners = await startListeners(take)
const perMinuteMax = 1_000_000
const server = await startDewpoint({
  folder,
  store: '{ type: duckdb }',
  storePid: null,
  countStored: async () => 0,
  nodeOptions: profileInto(values.profile),
  more: [
    'notifiers:',
    `  hook: { type: webhook, url: "${listeners.hookUrl}", perMinuteMax: ${perMinuteMax} }`,
    `  mqtt: { type: mqtt, topic: alerts, perMinuteMax: ${perMinuteMax} }`,
  ],
})
const [main] = server.pids as [number]
const cpuS = () => treeOf(main).reduce((sum, pid) => sum + costOf(pid).cpuS, 0)

const names = Array.from({ length: drops }, (_, i) => `dropped-${i}`)
const devices: Wire[] = []
for (let from = 0; from < drops; from += opensAtOnce) {
  const some = names.slice(from, from + opensAtOnce)
  devices.push(...(await Promise.all(some.map((name) => openDropped(server.mqttPort, name)))))
}
await listeners.listen(server.mqttPort)

const load = await startLoad()
await sleep(calmMs)
const restless = startRestless(server.mqttPort, restlessEveryMs)

/** Broken, told of, and there again; answers whether it was told of both ways. */
async function drop(name: string, device: Wire): Promise<boolean> {
  const told = new Promise<true>((resolve) => {
    dropped.set(name, { atMs: performance.now(), missing: new Set(ways), onTold: () => resolve(true) })
  })
  device.socket.destroy()
  const isTold = await Promise.race([told, sleep(toldMsMax, false)])
  await sleep(awayMs)
  devices.push(await openDropped(server.mqttPort, name))
  return isTold
}

/** What else delays it: an append of our own to the same disk, which the journal of the server waits for too. */
const syncs = createHistogram()
const file = await open(join(folder, 'syncs'), 'w')
let isMeasuring = true
async function measureSyncs(): Promise<void> {
  for (; isMeasuring; await sleep(syncEveryMs)) {
    const beganMs = performance.now()
    await file.write(syncBytes)
    await file.datasync()
    syncs.record(performance.now() - beganMs)
  }
}
const measuring = measureSyncs()
/** Since it was asked last. */
const loopLagMs = async () =>
  Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(await server.metrics())?.[1]) * 1000

const random = createRandom(seed)
await loopLagMs()
const before = { cpuS: cpuS(), atMs: performance.now() }
const dropping: Array<Promise<boolean>> = []
for (const [i, name] of names.entries()) {
  dropping.push(drop(name, devices[i] as Wire))
  await sleep((1000 / dropsPerS) * random.between(0.5, 1.5))
}
const tookS = (performance.now() - before.atMs) / 1000
isMeasuring = false
await measuring
await file.close()
const loadAtEnd = readMachine().load
const lagMs = await loopLagMs()
const cpuPercent = ((cpuS() - before.cpuS) / tookS) * 100
const missed = (await Promise.all(dropping)).filter((isTold) => !isTold).length
await sleep(calmMs)
const falsely = [...unasked]
const resolved = ways.map((way) => listeners.told.filter((it) => it.way === way && it.kind === 'resolved').length)
await restless.stop()
await listeners.close()
const loaded = await load.end()
for (const { socket } of devices) socket.destroy()
await server.finish()

/** By the load tool, in a process of its own, until it is ended: for longer than all of it takes. */
async function startLoad() {
  if (ratePerS === 0) return { end: async () => null }
  const seconds = Math.ceil((drops / dropsPerS) * 1.1 + (2 * calmMs + toldMsMax) / 1000)
  const program = join(import.meta.dirname, '..', 'cli.js')
  const url = `mqtt://127.0.0.1:${server.mqttPort}`
  const args = [program, 'simulate', 'load', '--url', url, '--rate', String(ratePerS), '--json']
  const running = await start(process.execPath, [...args, '--duration', `${seconds}s`], () => true)
  const ended = once(running.child, 'exit')
  return {
    async end() {
      await ended
      const line = running
        .output()
        .split('\n')
        .find((it) => it.startsWith('{'))
      if (line === undefined) throw new Error(`the load did not end well: ${running.output()}`)
      return JSON.parse(line) as { perS: number; latencyMs: { p99: number } }
    },
  }
}

const columns = ways.map((way) => latencies[way])
const row = (name: string, part: number) => [name, ...columns.map((it) => it.percentile(part).toFixed(1))]
const failed = [
  missed > 0 && `${missed} drops were not told of both ways within ${toldMsMax / 1000} s`,
  falsely.length > 0 && `${falsely.length} were told of and should not: ${JSON.stringify(falsely.slice(0, 5))}`,
  resolved.some((count) => count !== drops) && `of ${drops} returns ${resolved.join(' and ')} were told`,
  ...ways.map((way) => latencies[way].percentile(0.99) > p99MsMax && `p99 at the ${way} is over ${p99MsMax} ms`),
].filter((it) => it !== false)
const { takeovers, reconnects, fights } = restless.counts
const text = [
  '# From a dropped socket to the notification',
  '',
  'Written by `node dist/bench/alert-latency.js`; do not edit.',
  '',
  ...machineLines(machine, new Date()),
  `- Load average of the machine at the end ${loadAtEnd}`,
  ...failed.map((reason) => `- **failed**: ${reason}`),
  '',
  ...tableLines(
    ['from the drop, ms', ...ways],
    [row('p50', 0.5), row('p90', 0.9), row('p99', 0.99), ['longest', ...columns.map((it) => it.max().toFixed(1))]],
  ),
  '',
  ...tableLines(
    ['', 'figure'],
    [
      [
        'devices dropped, and told of by webhook and by MQTT',
        `${drops}, ${columns.map((it) => it.count()).join(', ')}`,
      ],
      ['drops / s', (drops / tookS).toFixed(1)],
      ['readings / s meanwhile', loaded === null ? '0' : loaded.perS.toFixed(0)],
      ['PUBACK p99 meanwhile, ms', loaded === null ? '–' : loaded.latencyMs.p99.toFixed(1)],
      ['event loop of the server late, p99, ms', lagMs.toFixed(1)],
      [
        'an append of 4 KiB and fdatasync beside it, p99 and longest, ms',
        `${syncs.percentile(0.99).toFixed(1)}, ${syncs.max().toFixed(1)}`,
      ],
      ['CPU of the server, % of one core', cpuPercent.toFixed(0)],
      ['connections taken over by their own device', String(takeovers)],
      ['connections broken, and there again at once', String(reconnects)],
      ['connections taken over by two clients that fight for one identifier', String(fights)],
      ['told of any of these', String(falsely.length)],
    ],
  ),
  '',
  `- Server, load, devices and receivers share the cores of one machine. A device's connection is ended by its own side, without DISCONNECT; the time ends when the whole request has come at the webhook, or the message at the subscriber. 150 ms of it is the grace in which a device may be back. Each device is at a site of its own, and comes back ${awayMs} ms after it was told of, which is told too. Seed ${seed}.`,
  `- p99 must be at most ${p99MsMax} ms, each drop must be told once on each way, and nothing else may be.`,
  '',
].join('\n')
writePart(values.results, text)
console.log(text)
for (const it of failed) console.error(`failed: ${it}`)
process.exit(failed.length === 0 ? 0 : 1)
