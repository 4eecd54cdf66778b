/**
 * What it costs to follow 240,000 devices: CPU at 480 records a second, memory for each device, saving, and reading the saved file.
 * Two kinds of fleet: held connections with a rhythm to learn, and sleepers that declare their next report.
 * Run it with --expose-gc.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createDevices, type Devices, type DevicesOptions } from '../liveness/devices.ts'
import { loadSaved, savedLines, writeSaved } from '../liveness/saved.ts'
import type { DeviceName } from '../telemetry/device.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../telemetry/message.ts'
import { deviceFinder } from '../telemetry/topic.ts'
import { readMachine } from './machine.ts'
import { machineLines } from './report.ts'
import { writePart } from './results-file.ts'
import { measureSilence } from './silent-at-once.ts'

const count = 240_000
const perS = 480
const intervalMs = (count / perS) * 1000
const gatewaySize = 500

type Fleet = { name: string; isHeld: boolean; reports: number }
const fleets: Fleet[] = [
  { name: 'held connections, rhythm learned', isHeld: true, reports: 10 },
  { name: 'sleepers, next report declared', isHeld: false, reports: 2 },
]

type Figures = {
  fleet: Fleet
  cpuUsPerReport: number
  share: number
  bytes: number
  saveMs: number
  stallMs: number
  fileMb: number
  loadMs: number
}

const topicOf = (i: number) => `sensors/site-${i % 50}/node-${i}/rainfall`
const finder = deviceFinder(['sensors/{site}/{device}/rainfall'])

function optionsOf(saved: DevicesOptions['saved'], isHeld: boolean): DevicesOptions {
  return {
    saved,
    deviceOf: finder,
    gatewayOf: (topic) => `gateway-${Math.floor(Number(/node-(\d+)/.exec(topic)?.[1]) / gatewaySize)}`,
    look: ({ topic }) => ({
      name: finder(topic) as DeviceName,
      nextS: isHeld ? null : intervalMs / 1000,
      values: [{ channel: 'rssi', unit: 'dBm', value: -97, timeMs: 0 }],
      ...{ boot: null, sequence: null, clockErrorMs: null },
    }),
    graceMs: 30_000,
    onChange: () => {},
  }
}

const heapBytes = () => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const empty = { devices: [], connections: [], time: { lastMs: null, skippedMs: 0 } }

async function measure(fleet: Fleet): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'liveness-bench-'))
  const log = pino({ level: 'silent' })
  const path = join(folder, 'liveness.json')
  const before = heapBytes()
  const devices = createDevices(optionsOf(empty, fleet.isHeld))
  let nowUs = Date.parse('2026-11-24T00:00:00Z') * 1000
  let position = 0
  const take = (message: Message) =>
    devices.take({ ...message, position: ++position, ordinal: position, receivedAtUs: Math.round(nowUs) } as Record)
  const report = (i: number, round: number) => {
    const client = `node-${i}`
    if (round === 0 || !fleet.isHeld) {
      const details = { address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, keepAliveS: 900, clean: true }
      take(lifeCycle(MessageKind.connect, client, i + 1 + round * count, '', details))
    }
    const epoch = fleet.isHeld ? i + 1 : i + 1 + round * count
    take(lifeCycle(MessageKind.publish, client, epoch, topicOf(i)))
    if (!fleet.isHeld) take(lifeCycle(MessageKind.disconnect, client, epoch, '', { reason: 'client' }))
  }
  const round = (number: number) => {
    for (let i = 0; i < count; i++) {
      nowUs += 1e6 / perS
      report(i, number)
    }
  }
  for (let i = 0; i < fleet.reports - 1; i++) round(i)
  const cpu = process.cpuUsage()
  round(fleet.reports - 1)
  const used = process.cpuUsage(cpu)
  const cpuUsPerReport = (used.user + used.system) / count
  const bytes = (heapBytes() - before) / count

  let stallMs = 0
  let lastMs = performance.now()
  const watch = setInterval(() => {
    stallMs = Math.max(stallMs, performance.now() - lastMs)
    lastMs = performance.now()
  }, 1)
  let beganMs = performance.now()
  await writeSaved(path, savedLines(devices, position))
  const saveMs = performance.now() - beganMs
  clearInterval(watch)
  beganMs = performance.now()
  const restored: Devices = createDevices(optionsOf(await loadSaved(path, log), fleet.isHeld))
  const loadMs = performance.now() - beganMs
  if (restored.count() !== count) throw new Error(`${restored.count()} devices were restored, ${count} were saved`)
  const fileMb = (await stat(path)).size / 1e6
  await rm(folder, { recursive: true })
  return { fleet, cpuUsPerReport, share: (cpuUsPerReport * perS) / 1e6, bytes, saveMs, stallMs, fileMb, loadMs }
}

const lines: string[] = []
for (const fleet of fleets) {
  const it = await measure(fleet)
  lines.push(
    `| ${[
      it.fleet.name,
      `${it.cpuUsPerReport.toFixed(1)} µs`,
      `${(it.share * 100).toFixed(2)} %`,
      `${Math.round(it.bytes)} B`,
      `${Math.round(it.saveMs)} ms, ${it.fileMb.toFixed(0)} MB`,
      `${Math.round(it.stallMs)} ms`,
      `${Math.round(it.loadMs)} ms`,
    ].join(' | ')} |`,
  )
  process.stderr.write(`${lines.at(-1)}\n`)
}
const silent = measureSilence(count, optionsOf(empty, true), topicOf)
writePart(
  join('bench', 'RESULTS.md'),
  `# Liveness: ${count.toLocaleString('en')} devices, ${perS} reports a second

${machineLines(readMachine(), new Date()).join('\n')}

By \`node --expose-gc dist/bench/liveness.js\`: the states of devices alone, without journal and broker. A sleeper's report is three records (connect,
reading, disconnect). "Stall": the longest time the event loop stood still while the file was written.

| fleet | CPU per report | of one core | memory per device | saving | stall | reading the file |
| --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}

All of them break off within ten seconds and come back, with one rule about devices that are offline:

| CPU for a device that breaks off | that is back | notifications of it | the loop stands still to save alerts |
| --- | --- | --- | --- |
| ${silent.silentUs.toFixed(0)} µs | ${silent.backUs.toFixed(0)} µs | ${silent.told} | ${Math.round(silent.saveMs)} ms |
`,
)
