/**
 * npm run abuse -- [connections] [seed] [attack...]: a hostile network against a Dewpoint in a process of its own, one attack after the
 * other, then all at once; exit 1 when it falls, grows without bound, or honest clients suffer. What they see in calm and
 * under each attack goes to bench/RESULTS.md.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readMachine } from '../bench/machine.ts'
import { peakMiB, resetPeak } from '../bench/process-cpu.ts'
import { machineLines, tableLines } from '../bench/report.ts'
import { writePart } from '../bench/results-file.ts'
import { startDewpoint } from '../bench/servers.ts'
import { attacks } from './abuse-attack.ts'
import type { HonestSums, HonestTimes } from './abuse-honest.ts'

/** Peak of the process, at any time. */
const peakMiBMax = 1024
const slowerMax = 3
/** Below this a ratio says nothing but that the machine is shared. */
const p99MsMin = 15
const calmS = 20
const attackS = 20
/** What an attack has held up comes to its end. */
const lastMs = 1_500

const given = process.argv.slice(2)
const [connections = 200_000, seed = Math.floor(Math.random() * 2 ** 32)] = given.slice(0, 2).map(Number)
const chosen = given.slice(2)
const single = [...Object.keys(attacks), 'fuzz'].map((kind) => ({ name: kind, kinds: [kind] }))
const all = [...single, { name: 'all at once', kinds: [...Object.keys(attacks), 'fuzz'] }]
const plan = chosen.length === 0 ? all : [{ name: chosen.join(' and '), kinds: chosen }]
/** Broken connections are divided between the fuzz alone and the fuzz beside all else. */
const fuzzes = plan.filter(({ kinds }) => kinds.includes('fuzz')).length
console.log(`${connections} broken connections, seed ${seed}`)

const folder = mkdtempSync(join(tmpdir(), 'dewpoint-abuse-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const machine = readMachine()
const server = await startDewpoint({
  folder,
  store: '{ type: duckdb }',
  storePid: null,
  countStored: async () => 0,
  nodeOptions: [],
})

const [pid] = server.pids as [number]

function begin(program: string, ...args: Array<string | number>): ChildProcess {
  const child = fork(join(import.meta.dirname, program), args.map(String))
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}
async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

type Phase = HonestTimes & { name: string; seconds: number; peakMiB: number }
const phases: Phase[] = []
const failures: string[] = []

const echo = createServer({ noDelay: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
await once(echo, 'listening')
const honest = begin('abuse-honest.js', server.mqttPort, (echo.address() as AddressInfo).port)
await once(honest, 'message')
async function ask<T>(order: 'look' | 'finish'): Promise<T> {
  honest.send(order)
  const [answer] = await once(honest, 'message')
  return answer as T
}

async function phase(name: string, during: () => Promise<unknown>): Promise<Phase> {
  await ask('look')
  resetPeak(pid)
  const begunAtMs = performance.now()
  await during()
  const seconds = (performance.now() - begunAtMs) / 1000
  await sleep(lastMs)
  const it = { name, seconds, ...(await ask<HonestTimes>('look')), peakMiB: peakMiB(pid) }
  phases.push(it)
  console.log(JSON.stringify(it, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)))
  return it
}

try {
  // A cold server is slow by itself.
  await sleep(5_000)
  const calm = await phase('calm', () => sleep(calmS * 1000))
  for (const { name, kinds } of plan) {
    const under = await phase(name, async () => {
      const count = Math.ceil(connections / fuzzes)
      const attacker = begin('abuse-attack.js', server.mqttPort, seed, count, ...kinds)
      await once(attacker, 'message')
      if (kinds.includes('fuzz')) await once(attacker, 'message')
      else await sleep(attackS * 1000)
      await end(attacker)
    })
    if (under.p99Ms > Math.max(p99MsMin, slowerMax * calm.p99Ms) || Number.isNaN(under.p99Ms)) {
      failures.push(`${name}: p99 ${under.p99Ms.toFixed(1)} ms, in calm ${calm.p99Ms.toFixed(1)} ms`)
    }
    if (under.peakMiB > peakMiBMax) {
      failures.push(`${name}: ${under.peakMiB.toFixed(0)} MiB, at most ${peakMiBMax} wanted`)
    }
  }
  const after = await phase('calm afterwards', () => sleep(calmS * 1000))
  if (after.p99Ms > Math.max(p99MsMin, slowerMax * calm.p99Ms)) {
    failures.push(`it stays slow: p99 ${after.p99Ms.toFixed(1)} ms, in calm ${calm.p99Ms.toFixed(1)} ms`)
  }
  const sums = await ask<HonestSums>('finish')
  console.log(JSON.stringify(sums))
  if (sums.lost > 0) failures.push(`${sums.lost} honest connections were ended`)
  if (sums.acked !== sums.published) failures.push(`${sums.published - sums.acked} readings were not acknowledged`)
  if (sums.delivered !== sums.heard) failures.push(`${sums.heard - sums.delivered} readings were not delivered`)
} catch (error) {
  failures.push(`the server fell: ${(error as Error).message}`)
}
const metrics = await server.metrics().catch(() => '')
const refused = metrics.split('\n').filter((line) => line.startsWith('dewpoint_broker_refused_total{'))
await end(honest)
await server.finish().catch((error) => failures.push(`the server did not stop: ${(error as Error).message}`))

const calmP99Ms = phases[0]?.p99Ms ?? Number.NaN
const rows = phases.map((it) => [
  it.name,
  it.seconds.toFixed(0),
  it.p50Ms.toFixed(2),
  it.p99Ms.toFixed(2),
  (it.p99Ms / calmP99Ms).toFixed(2),
  it.maxMs.toFixed(0),
  it.echoP99Ms.toFixed(2),
  it.peakMiB.toFixed(0),
])
const head = ['attack', 's', 'PUBACK p50 ms', 'PUBACK p99 ms', '× calm', 'longest ms', 'echo p99 ms', 'peak RSS MiB']
const text = [
  '# Abuse',
  '',
  'Written by `npm run abuse`; do not edit.',
  '',
  ...machineLines(machine, new Date()),
  ...failures.map((it) => `- **failed**: ${it}`),
  '',
  ...tableLines(head, rows),
  '',
  '## What was measured, and how (abuse)',
  '',
  `- Dewpoint whole, one process, without access rules. ${connections.toLocaleString('en')} connections send broken packets (seed ${seed}), half of them while everything else goes on; 1,000 say their CONNECT a byte at a time; 50 announce 256 MB; 20 subscribe to 5,000 filters, once every 2 s; 2 subscribe to everything and read nothing while 2 others publish 2.5 MB in a second each. Whoever is ended comes back 50 ms later.`,
  '- 10 honest clients publish 200 readings in a second with QoS 1, half of them on topics that somebody subscribes to. PUBACK: from when the reading was due. They and the attackers are processes of their own on the same machine; attackers have the lowest priority. echo: a byte to an idle process and back, sent with each reading: what the machine alone is to blame for.',
  '- None of the honest connections may end, all their readings must be acknowledged, and delivered where they are subscribed to.',
  ...refused.map((line) => `- \`${line}\``),
  '',
].join('\n')
if (chosen.length === 0) writePart(join('bench', 'RESULTS.md'), text)
console.log(text)
for (const it of failures) console.error(`failed: ${it}`)
process.exit(failures.length > 0 ? 1 : 0)
