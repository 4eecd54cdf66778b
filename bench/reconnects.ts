/**
 * `node dist/bench/reconnects.js`: what idle clients cost, how fast they connect, and what happens when all of them come
 * back at once; ours and mosquitto in turn. Writes its part of bench/RESULTS.md. Exit 1 when a case failed.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Broker, brokers, makeCertificate } from './brokers.ts'
import { type Crowds, percentile, startCrowds } from './crowds.ts'
import { readMachine } from './machine.ts'
import { choose, passingFolder, roundsOf, wholeNumber } from './options.ts'
import { costOf, treeOf } from './process-tree.ts'
import { freePort, type Running } from './processes.ts'
import { type ReconnectRun, reconnectsReport } from './reconnects-report.ts'
import { writePart } from './results-file.ts'

const help = `Usage: node dist/bench/reconnects.js [options]

  --connections N  clients over plain TCP (default 19000)
  --tls N          clients over TLS (default 5000); 0: none
  --workers N      broker.workers of the case dewpoint_workers (default 0: the case is left out)
  --rounds N       how often each case runs (default 3)
  --case NAME      only this case; may be repeated
  --results FILE   where the results go (default bench/RESULTS.md)
  --help           this text`

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '19000' },
    tls: { type: 'string', default: '5000' },
    workers: { type: 'string', default: '0' },
    rounds: { type: 'string', default: '3' },
    case: { type: 'string', multiple: true },
    results: { type: 'string', default: join('bench', 'RESULTS.md') },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(help)
  process.exit(0)
}
const rounds = roundsOf(values.rounds)
const counts = {
  plain: wholeNumber('--connections', values.connections, 1),
  tls: wholeNumber('--tls', values.tls, 0),
}
const cases = choose(brokers(wholeNumber('--workers', values.workers, 0)), values.case)
/** Clients that connect at once when it is not a storm: fewer than wait for accept() by default. */
const parallel = 200
/** So many connect and end before anything is measured. */
const warmUpClients = 1_000
const secondsMax = 120
const keepAliveS = 3_600
/** What connecting has left behind is gone after so long. */
const calmMs = 5_000

const folder = passingFolder('reconnects')

const costs = (server: Running) => treeOf(server.pid).map(costOf)
const pssMiB = (server: Running) => costs(server).reduce((sum, it) => sum + it.pssMiB, 0)
const cpuS = (server: Running) => costs(server).reduce((sum, it) => sum + it.cpuS, 0)

async function warmUp(port: number, isTls: boolean): Promise<void> {
  const crowds = await startCrowds({ port, isTls, count: warmUpClients, keepAliveS })
  await crowds.connect(parallel, secondsMax)
  await crowds.drop()
  await crowds.stop()
}

/** All connect at once. */
async function storm(crowds: Crowds, server: Running) {
  const before = cpuS(server)
  const { seconds, tookMs, failures } = await crowds.connect(Number.POSITIVE_INFINITY, secondsMax)
  return { seconds, p50Ms: percentile(tookMs, 0.5), cpuS: cpuS(server) - before, failures }
}

async function measure(broker: Broker, isTls: boolean, round: number): Promise<ReconnectRun> {
  const own = join(folder, `${broker.name}-${isTls}-${round}`)
  mkdirSync(own)
  const port = await freePort()
  const start = () => broker.start({ folder: own, port, certificate: isTls ? certificate : null })
  const count = isTls ? counts.tls : counts.plain
  let server = await start()
  let crowds: Crowds | null = null
  try {
    await warmUp(port, isTls)
    await sleep(calmMs)
    crowds = await startCrowds({ port, isTls, count, keepAliveS })
    const [pssBefore, cpuBefore] = [pssMiB(server), cpuS(server)]
    const first = await crowds.connect(parallel, secondsMax)
    const connectCpuS = cpuS(server) - cpuBefore
    await sleep(calmMs)
    const kiBEach = ((pssMiB(server) - pssBefore) * 1024) / count
    const idleBefore = cpuS(server)
    await sleep(calmMs)
    const idleCpuPercent = ((cpuS(server) - idleBefore) / calmMs) * 100_000
    const { lost } = await crowds.look()
    if (lost > 0) throw new Error(`${lost} connections were lost`)

    await crowds.drop()
    const dropped = await storm(crowds, server)
    await sleep(calmMs)
    await server.kill()
    while ((await crowds.look()).connected > 0) await sleep(10)
    server = await start()
    const restarted = await storm(crowds, server)
    const { connected } = await crowds.look()
    if (connected !== count) throw new Error(`${connected} of ${count} are connected at the end`)
    return {
      round,
      name: broker.name,
      isTls,
      connectsPerS: count / first.seconds,
      connectCpuMs: (connectCpuS * 1000) / count,
      kiBEach,
      idleCpuPercent,
      dropped,
      restarted,
    }
  } finally {
    await crowds?.stop()
    await server.kill()
    rmSync(own, { recursive: true, force: true })
  }
}

const machine = readMachine()
const certificate = makeCertificate(folder)
const runs: ReconnectRun[] = []
const failed: string[] = []
const missing = cases.flatMap((it) => (it.missing === null ? [] : [`${it.name}: ${it.missing}`]))
for (const reason of missing) console.log(`skipped ${reason}`)
for (let round = 1; round <= rounds; round++) {
  for (const isTls of [false, true]) {
    if (isTls && counts.tls === 0) continue
    for (const broker of cases.filter((it) => it.missing === null)) {
      try {
        runs.push(await measure(broker, isTls, round))
        console.log(JSON.stringify(runs.at(-1), (_, it) => (typeof it === 'number' ? Number(it.toPrecision(4)) : it)))
      } catch (error) {
        failed.push(`${broker.name}, ${isTls ? 'TLS' : 'plain'}, round ${round}: ${(error as Error).message}`)
        console.error(`failed: ${failed.at(-1)}`)
      }
    }
  }
}
const text = reconnectsReport({ machine, date: new Date(), rounds, counts, parallel, runs, failed, missing })
writePart(values.results, text)
console.log(text)
process.exit(failed.length === 0 ? 0 : 1)
