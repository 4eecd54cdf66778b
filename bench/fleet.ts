/**
 * `node dist/bench/fleet.js`: very many simulated devices, on few sockets, against a Dewpoint of this machine; every reading is then
 * looked for by the oracle. Writes its part of bench/RESULTS.md. Exit 1 when the oracle is not content.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { demoProfile } from '../devices-sim/demo.ts'
import { routesOf } from '../devices-sim/device/format.ts'
import { mainsMeter } from '../devices-sim/energy/mains.ts'
import { createFleet } from '../devices-sim/fleet.ts'
import { createSocketTransport } from '../devices-sim/link/socket-transport.ts'
import { pssMiB } from '../devices-sim/load/processes.ts'
import type { Profile } from '../devices-sim/profile.ts'
import { createSensors, quantitiesOf } from '../devices-sim/signals/sensors.ts'
import { createRealClock } from '../devices-sim/sim-clock.ts'
import { openTruth } from '../devices-sim/truth/writer.ts'
import { readMachine } from './machine.ts'
import { passingFolder, wholeNumber } from './options.ts'
import { costOf, type ProcessCost, treeOf } from './process-tree.ts'
import { freePort, start } from './processes.ts'
import { machineLines } from './report.ts'
import { writePart } from './results-file.ts'
import { nodeFlags } from './servers.ts'

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '100000' },
    connections: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '120' },
    every: { type: 'string', default: '60' },
    results: { type: 'string', default: join('bench', 'RESULTS.md') },
  },
})
const devices = wholeNumber('--devices', values.devices, 1)
const connections = wholeNumber('--connections', values.connections, 1)
const seconds = wholeNumber('--seconds', values.seconds, 1)
const everyS = wholeNumber('--every', values.every, 1)

const folder = passingFolder('fleet')
const machine = readMachine()
const profile: Profile = {
  ...demoProfile({ devices, intervalMs: everyS * 1000, site: 'bench' }),
  name: 'gauge',
  sensors: ['rain', 'voltage'],
  format: 'json',
  boot: true,
  acknowledgeTimeoutS: 60,
  flashReports: 100,
  // Births of devices on a shared connection say nothing of their lives.
  tellsStatus: false,
}

const [mqttPort, httpPort] = [await freePort(), await freePort()]
const config = join(folder, 'telemetry.yaml')
const address = `broker:\n  listen: [mqtt://127.0.0.1:${mqttPort}]\nhttp:\n  listen: 127.0.0.1:${httpPort}\n`
writeFileSync(config, address + routesOf([profile], quantitiesOf))
const program = join(import.meta.dirname, '..', 'cli.js')
const args = [...nodeFlags, program, 'start', '--config', config, '--data', join(folder, 'data'), '--no-demo']
const server = await start(process.execPath, args, (output) => output.includes('Dewpoint is up.'))
const serverCost = () => treeOf(server.pid).map(costOf)
const cpuOf = (costs: ProcessCost[]) => costs.reduce((sum, { cpuS }) => sum + cpuS, 0)

const truthPath = join(folder, 'truth.jsonl')
const clock = createRealClock()
const memoryBefore = pssMiB(process.pid)
const startMs = clock.nowMs()
const truth = openTruth(truthPath, {
  format: 'dewpoint-truth/1',
  seed: 1,
  scenario: 'bench',
  clock: 'real',
  startedAtMs: startMs,
})
const transport = createSocketTransport({ url: `mqtt://127.0.0.1:${mqttPort}`, connections })
const createMeter = () => mainsMeter
const fleet = createFleet({
  profiles: [profile],
  seed: 1,
  clock,
  transport,
  truth,
  startMs,
  createSensors,
  createMeter,
})
fleet.start()
// The first interval makes every device known to all sides.
await sleep(everyS * 1000)
const before = {
  own: process.cpuUsage(),
  server: cpuOf(serverCost()),
  sent: fleet.stats().sent,
  atMs: performance.now(),
}
await sleep(seconds * 1000)
const took = (performance.now() - before.atMs) / 1000
const own = process.cpuUsage(before.own)
const serverCpuS = cpuOf(serverCost()) - before.server
const sent = fleet.stats().sent - before.sent
const [memory, serverMemory] = [pssMiB(process.pid), serverCost().reduce((sum, { pssMiB }) => sum + pssMiB, 0)]
const isDrained = await fleet.drain(60_000)
const stats = fleet.stats()
await fleet.close()
truth.write({ type: 'end', atMs: clock.nowMs() })
await truth.close()
await transport.close()
const oracle = [program, 'simulate', 'verify', truthPath, '--url', `http://127.0.0.1:${httpPort}`, '--wait', '5m']
const verdict = spawnSync(process.execPath, oracle, { stdio: 'inherit' }).status
await server.stop()

const percent = (cpuS: number) => ((cpuS / took) * 100).toFixed(1)
const rows: Array<[string, string | number]> = [
  ['devices', devices.toLocaleString('en-US')],
  ['connections', connections],
  ['reports / s, of two readings each', (sent / took).toFixed(0)],
  ['CPU of the simulator, % of one core', percent((own.user + own.system) / 1e6)],
  ['memory of the simulator for a device, KiB', (((memory - memoryBefore) * 1024) / devices).toFixed(2)],
  ['memory of the simulator (PSS), MiB', memory.toFixed(0)],
  ['CPU of the server, % of one core', percent(serverCpuS)],
  ['memory of the server (PSS), MiB', serverMemory.toFixed(0)],
  ['reports acknowledged, over the whole run', stats.acknowledged.toLocaleString('en-US')],
  ['reports lost, double, invented or wrong, by the oracle', verdict === 0 ? 0 : 'some: see above'],
]
for (const [name, value] of rows) console.error(`${name}: ${value}`)
writePart(
  values.results,
  `# Simulated devices

Written by \`node dist/bench/fleet.js\`; do not edit.

${machineLines(machine, new Date()).join('\n')}

|  | figure |
| --- | ---: |
${rows.map(([name, value]) => `| ${name} | ${value} |`).join('\n')}

- Each device is a state machine with flash, sensors (rain and voltage) and a sequence of its own, in one process; they share connections as they would share gateways, and each reports every ${everyS} s in JSON, QoS 1, to DuckDB. Measured for ${seconds} s after the first ${everyS} s.
- The truth of the run is written meanwhile, and at the end every reading is looked for in the store by \`dewpoint simulate verify\`.
`,
)
process.exit(isDrained && verdict === 0 ? 0 : 1)
