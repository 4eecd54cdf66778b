/** One case, all loads: a fresh server, a warm-up before each load, and at the end every reading looked for. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from '../devices-sim/load/processes.ts'
import { type Case, clients, warmUp } from './cases.ts'
import { epochMs, type Load, type Sent } from './load.ts'
import { peakMiB, resetPeak } from './process-cpu.ts'
import { type Running, start } from './processes.ts'
import type { Server } from './servers.ts'

/** What one load has cost. CPU: seconds for each 100,000 readings. */
export type Figures = {
  load: string
  ackedPerS: number
  /** null: the server stores nothing. */
  storedPerS: number | null
  cpuS: number
  storeCpuS: number | null
  generatorCpuS: number
  p50Ms: number
  p99Ms: number
  peakMiB: number
}

/** So long may the store take after the last PUBACK. */
const storedMsMax = 60_000

/** @throws Error when a reading that was acknowledged is not stored. */
export async function measure(it: Case, loads: Load[], folder: string, nodeOptions: string[]): Promise<Figures[]> {
  const server = await it.start(folder, nodeOptions)
  let generator: Running | null = null
  let acked = 0
  const figures: Figures[] = []
  try {
    generator = await startGenerator(server.mqttPort)
    for (const load of loads) {
      acked += (await run(warmUp, server, generator, acked)).sent.acked
      figures.push(await measureLoad(load, server, generator, acked))
      acked += load.messages
    }
  } catch (error) {
    await generator?.stop()
    // What went wrong first is what is told.
    await server.finish().catch(() => {})
    throw error
  }
  await generator.stop()
  const inStore = await server.finish()
  if (inStore !== null && inStore !== acked) throw new Error(`${acked} readings acknowledged, ${inStore} in the store`)
  return figures
}

async function measureLoad(load: Load, server: Server, generator: Running, before: number): Promise<Figures> {
  const { pids, storePid } = server
  const together = (figure: (pid: number) => number) => pids.reduce((sum, pid) => sum + figure(pid), 0)
  const cpuBefore = together(cpuSeconds)
  const storeCpuBefore = storePid === null ? 0 : cpuSeconds(storePid)
  pids.forEach(resetPeak)
  const { sent, storedAtMs } = await run(load, server, generator, before)
  const per100k = 100_000 / sent.acked
  return {
    load: load.name,
    ackedPerS: (sent.acked / sent.tookMs) * 1000,
    storedPerS: storedAtMs === null ? null : (sent.acked / (storedAtMs - sent.startedAtMs)) * 1000,
    cpuS: (together(cpuSeconds) - cpuBefore) * per100k,
    storeCpuS: storePid === null ? null : (cpuSeconds(storePid) - storeCpuBefore) * per100k,
    generatorCpuS: sent.cpuS * per100k,
    p50Ms: sent.p50Ms,
    p99Ms: sent.p99Ms,
    peakMiB: together(peakMiB),
  }
}

const startGenerator = (port: number) =>
  start(process.execPath, [join(import.meta.dirname, 'generator.js'), String(port), String(clients)], (output) =>
    output.includes('connected'),
  )

/** Sends a load and waits until everything before and in it has found its end. */
async function run(load: Load, server: Server, generator: Running, before: number) {
  const sent = await send(load, generator)
  if (sent.acked !== load.messages) throw new Error(`${sent.acked} of ${load.messages} were acknowledged`)
  if (server.counters === null) return { sent, storedAtMs: null }
  for (const giveUpAtMs = epochMs() + storedMsMax; ; await sleep(10)) {
    const counters = await server.counters()
    const { stored, held } = counters
    if (stored === before + sent.acked && (held ?? 0) === 0) return { sent, storedAtMs: epochMs() }
    const isLost = held !== null && stored + held < before + sent.acked
    if (isLost || epochMs() > giveUpAtMs) {
      throw new Error(`${before + sent.acked} readings acknowledged, but counted: ${JSON.stringify(counters)}`)
    }
  }
}

/** One line to the generator, one line back. */
function send(load: Load, generator: Running): Promise<Sent> {
  const { stdin, stdout } = generator.child
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`the generator ended: ${generator.output().slice(-500)}`))
    let text = ''
    const hear = (bytes: Buffer) => {
      text += bytes
      if (!text.includes('\n')) return
      stdout?.off('data', hear)
      generator.child.off('exit', ended)
      resolve(JSON.parse(text) as Sent)
    }
    stdout?.on('data', hear)
    generator.child.once('exit', ended)
    stdin?.write(`${JSON.stringify(load)}\n`)
  })
}
