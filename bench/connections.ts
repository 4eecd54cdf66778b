/**
 * `node dist/bench/connections.js`: a server with very many clients that seldom say something, for some minutes; writes its
 * part of bench/RESULTS.md, and the same as JSON. Exit 1 when a connection or a reading was lost.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { countInDuckdb } from './cases.ts'
import { type ConnectionsFigures, connectionsReport } from './connections-report.ts'
import { percentile, startCrowds } from './crowds.ts'
import { readMachine } from './machine.ts'
import { passingFolder, wholeNumber } from './options.ts'
import { costOf, kernelMemory, type ProcessCost, treeOf } from './process-tree.ts'
import { writePart } from './results-file.ts'
import { startDewpoint } from './servers.ts'

const help = `Usage: node dist/bench/connections.js [options]

  --connections N  clients (default 240000)
  --seconds N      how long it is held (default 600)
  --workers N      broker.workers (default 13); 0: all in one process
  --rate N         messages in a second, over all clients (default 480)
  --ping N         each client pings once in so many seconds (default 600)
  --heap N         MiB of memory that Node may use in each server process, and it does not try to use less when it is
                   quiet (default: what Node thinks; 240,000 clients want 10240)
  --parallel N     clients that connect at once (default 390)
  --results FILE   where the table goes (default bench/RESULTS.md)
  --json FILE      where the figures go (default bench/connections.json)
  --help           this text

240,000 clients want 13 workers at 20,000 open files, about 12 GiB of memory, and net.ipv4.ip_local_port_range at its default.`

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '240000' },
    seconds: { type: 'string', default: '600' },
    workers: { type: 'string', default: '13' },
    rate: { type: 'string', default: '480' },
    ping: { type: 'string', default: '600' },
    heap: { type: 'string' },
    parallel: { type: 'string', default: '390' },
    results: { type: 'string', default: join('bench', 'RESULTS.md') },
    json: { type: 'string', default: join('bench', 'connections.json') },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(help)
  process.exit(0)
}
const connections = wholeNumber('--connections', values.connections, 1)
const seconds = wholeNumber('--seconds', values.seconds, 1)
const workers = wholeNumber('--workers', values.workers, 0)
const ratePerS = wholeNumber('--rate', values.rate, 1)
const pingEveryS = wholeNumber('--ping', values.ping, 1)
const parallel = wholeNumber('--parallel', values.parallel, 1)
const heapMiB = values.heap === undefined ? null : wholeNumber('--heap', values.heap, 64)
/** Who is silent for longer than half as long again is disconnected; at the start they wait for one another. */
const keepAliveS = Math.min(65_535, 2 * pingEveryS)
const storedMsMax = 120_000
const connectSMax = 60 + connections / 400
const lookEveryMs = 10_000

const folder = passingFolder('connections')

const machine = readMachine()
const kernelAtStart = kernelMemory()
const server = await startDewpoint({
  folder,
  store: '{ type: duckdb }',
  storePid: null,
  countStored: () => countInDuckdb(join(folder, 'data', 'readings.duckdb')),
  // A heap of gigabytes that V8 makes smaller when it is quiet stops all of it for seconds.
  nodeOptions: heapMiB === null ? [] : [`--max-old-space-size=${heapMiB}`, '--no-memory-reducer'],
  broker: workers === 0 ? [] : [`workers: ${workers}`],
})
const [main] = server.pids as [number]
const costs = () => treeOf(main).map(costOf)
const pssMiB = (them: ProcessCost[]) => them.reduce((sum, it) => sum + it.pssMiB, 0)
const cpuS = (them: ProcessCost[]) => them.reduce((sum, it) => sum + it.cpuS, 0)

const atStart = costs()
console.log(`server: ${atStart.length} processes, ${pssMiB(atStart).toFixed(0)} MiB`)
const crowds = await startCrowds({ port: server.mqttPort, isTls: false, count: connections, keepAliveS })
const watch = setInterval(async () => {
  const { connected, lost, whyLost } = await crowds.look()
  console.log(`${connected} connected, ${lost} lost ${lost === 0 ? '' : JSON.stringify(whyLost)}`)
}, lookEveryMs)

const connected = await crowds.connect(parallel, connectSMax)
const afterConnect = costs()
console.log(
  `all are connected after ${connected.seconds.toFixed(1)} s; tried again: ${JSON.stringify(connected.failures)}`,
)
// What connecting has left behind is not the cost of being connected.
await sleep(2_000)

const before = costs()
const crowdsCpuBefore = crowds.cpuSeconds()
const heldAtMs = performance.now()
const load = await crowds.load({ ratePerS, seconds, pingEveryS, seed: Math.floor(Math.random() * 2 ** 32) })
const heldS = (performance.now() - heldAtMs) / 1000
const after = costs()
const crowdsCpuS = crowds.cpuSeconds() - crowdsCpuBefore
const kernel = kernelMemory()
clearInterval(watch)
const state = await crowds.look()

let counters = await server.counters?.()
for (const giveUpAtMs = Date.now() + storedMsMax; counters?.held !== 0 && Date.now() < giveUpAtMs; await sleep(100)) {
  counters = await server.counters?.()
}
await crowds.stop()
const inStore = await server.finish()

const costNow = (pid: number) => after.find((it) => it.pid === pid)
const cpuOf = ({ pid, cpuS: past }: ProcessCost) => (costNow(pid)?.cpuS ?? Number.NaN) - past
const figures: ConnectionsFigures = {
  date: new Date().toISOString(),
  machine,
  connections,
  workers,
  ratePerS,
  pingEveryS,
  heldS,
  processes: after.length,
  connectS: connected.seconds,
  connectCpuS: cpuS(afterConnect) - cpuS(atStart),
  connectFailures: connected.failures,
  cpuPercent: ((cpuS(after) - cpuS(before)) / heldS) * 100,
  mainCpuPercent: (before.filter(({ pid }) => pid === main).reduce((sum, it) => sum + cpuOf(it), 0) / heldS) * 100,
  pssMiB: pssMiB(after),
  mainPssMiB: costNow(main)?.pssMiB ?? Number.NaN,
  pssMiBAtStart: pssMiB(atStart),
  socketMiB: kernel.socketMiB,
  slabMiB: kernel.slabMiB - kernelAtStart.slabMiB,
  crowdsCpuPercent: (crowdsCpuS / heldS) * 100,
  sent: load.sent,
  acked: load.acked,
  pings: load.pings,
  pongs: load.pongs,
  p50Ms: percentile(load.tookMs, 0.5),
  p99Ms: percentile(load.tookMs, 0.99),
  lost: state.lost,
  whyLost: state.whyLost,
  counters: counters ?? null,
  inStore,
}
const arePidsTheSame = before.every(({ pid }) => costNow(pid) !== undefined) && before.length === after.length
const failed = [
  state.lost > 0 && `${state.lost} connections were lost: ${JSON.stringify(state.whyLost)}`,
  state.connected !== connections && `${state.connected} are connected at the end`,
  load.acked !== load.sent && `${load.sent - load.acked} messages were not acknowledged`,
  load.pongs !== load.pings && `${load.pings - load.pongs} pings were not answered`,
  inStore !== load.acked && `${load.acked} readings acknowledged, ${inStore} in the store`,
  counters?.stored !== load.acked && `${load.acked} readings acknowledged, but counted: ${JSON.stringify(counters)}`,
  !arePidsTheSame && 'a process of the server ended, or began',
].filter((it) => it !== false)

writeFileSync(values.json, `${JSON.stringify({ ...figures, failed }, null, 2)}\n`)
const text = connectionsReport(figures, failed)
writePart(values.results, text)
console.log(text)
for (const it of failed) console.error(`failed: ${it}`)
process.exit(failed.length === 0 ? 0 : 1)
