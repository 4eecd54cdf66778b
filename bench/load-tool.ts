/**
 * `node dist/bench/load-tool.js`: what `dewpoint simulate load` costs itself, and what it reaches, against several brokers, so
 * that a figure of it is known to be the broker's. Writes its part of bench/RESULTS.md.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createHistogram } from '../devices-sim/load/histogram.ts'
import { runLoads } from '../devices-sim/load/many.ts'
import { cpuSeconds } from '../devices-sim/load/processes.ts'
import { readMachine } from './machine.ts'
import { passingFolder } from './options.ts'
import { commandPath, freePort, type Running, start } from './processes.ts'
import { machineLines } from './report.ts'
import { writePart } from './results-file.ts'
import { isListening, mosquittoPath, startDewpoint, startMosquitto } from './servers.ts'

const { values } = parseArgs({ options: { results: { type: 'string', default: join('bench', 'RESULTS.md') } } })
const folder = passingFolder('load-tool')
const machine = readMachine()

type Target = { name: string; start: () => Promise<{ port: number; pids: number[]; stop: () => Promise<unknown> }> }
const one = (running: Running, port: number) => ({ port, pids: [running.pid], stop: running.stop })

const targets: Target[] = [
  {
    name: 'a sink that only acknowledges',
    async start() {
      const port = await freePort()
      const program = join(import.meta.dirname, 'load-sink.js')
      return one(await start(process.execPath, [program, String(port)], (output) => output.includes('listening')), port)
    },
  },
  {
    name: 'Dewpoint, synced and stored in DuckDB',
    async start() {
      const options = { folder: join(folder, 'dewpoint'), store: '{ type: duckdb }', storePid: null, nodeOptions: [] }
      const server = await startDewpoint({ ...options, countStored: async () => 0 })
      return { port: server.mqttPort, pids: server.pids, stop: server.finish }
    },
  },
]
const mosquitto = mosquittoPath()
if (mosquitto !== null)
  targets.push({
    name: 'mosquitto, persistence off',
    async start() {
      const server = await startMosquitto(mosquitto, join(folder, 'mosquitto'))
      return { port: server.mqttPort, pids: server.pids, stop: server.finish }
    },
  })
const nats = commandPath('nats-server')
if (nats !== null)
  targets.push({
    name: 'nats-server with JetStream',
    async start() {
      const port = await freePort()
      const config = join(folder, 'nats.conf')
      mkdirSync(folder, { recursive: true })
      const jetstream = `jetstream { store_dir: "${join(folder, 'jetstream')}" }`
      const lines = ['listen: 127.0.0.1:-1', 'server_name: bench', jetstream, `mqtt { listen: "127.0.0.1:${port}" }`]
      writeFileSync(config, `${lines.join('\n')}\n`)
      return one(await start(nats, ['-c', config], () => isListening(port)), port)
    },
  })

const rows: string[] = []
for (const { name, start: startTarget } of targets) {
  for (const qos of [1, 0] as const) {
    const target = await startTarget()
    const sum = () => target.pids.reduce((total, pid) => total + cpuSeconds(pid), 0)
    let before = 0
    const result = await runLoads(
      1,
      {
        host: '127.0.0.1',
        port: target.port,
        clientPrefix: 'load-',
        firstClient: 0,
        connections: 50,
        qos,
        window: 20,
        ratePerS: 0,
        topic: 'sensors/load/d{n}/voltage',
        payload: '{"v":{value},"t":{time},"seq":{n}}',
        durationMs: 5_000,
        warmUpMs: 2_000,
      },
      () => {
        before = sum()
      },
    )
    const serverCpuS = sum() - before
    await target.stop()
    if (result.errors.length > 0) throw new Error(`${name}: ${result.errors[0]}`)
    const latency = createHistogram()
    latency.add(result.latency)
    const [ownUs, brokerUs] = [result.cpuS, serverCpuS].map((s) => (s * 1e6) / result.sent) as [number, number]
    const thousands = (value: number) => Math.round(value).toLocaleString('en-US')
    const percentile = (part: number) => (qos === 0 ? '–' : latency.percentile(part).toFixed(2))
    const row = [
      name,
      qos,
      thousands(result.sent / result.seconds),
      ownUs.toFixed(2),
      thousands(1e6 / ownUs),
      brokerUs.toFixed(2),
    ]
    rows.push(`| ${[...row, percentile(0.5), percentile(0.99)].join(' | ')} |`)
    console.error(rows.at(-1))
  }
}

writePart(
  values.results,
  `# The load tool

Written by \`node dist/bench/load-tool.js\`; do not edit.

${machineLines(machine, new Date()).join('\n')}

| broker | QoS | messages / s | CPU of the tool, µs | so one core makes / s | CPU of the broker, µs | PUBACK p50, ms | p99, ms |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${rows.join('\n')}

- One process of \`dewpoint simulate load\`, 50 connections, window 20, JSON of 49 bytes, 5 s after 2 s of warm-up; tool and broker share the cores of one machine.
- With QoS 0 nothing says what a broker has taken when the time is over: its CPU for a message is what it had spent by then.
${nats === null ? '- nats-server is not here: apt-get install nats-server.\n' : ''}`,
)
