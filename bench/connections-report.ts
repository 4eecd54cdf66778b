/** RESULTS.md: very many connected clients. */
import type { Machine } from './machine.ts'
import { machineLines, tableLines } from './report.ts'
import type { Counters } from './servers.ts'

export type ConnectionsFigures = {
  date: string
  machine: Machine
  connections: number
  workers: number
  ratePerS: number
  pingEveryS: number
  heldS: number
  /** Of the server. */
  processes: number
  connectS: number
  connectCpuS: number
  connectFailures: { [why: string]: number }
  /** While it was held, of one core. */
  cpuPercent: number
  mainCpuPercent: number
  crowdsCpuPercent: number
  /** At the end of it, of all processes of the server. */
  pssMiB: number
  mainPssMiB: number
  pssMiBAtStart: number
  /** Of the kernel: bytes on their way, and what both ends of the connections are kept in. */
  socketMiB: number
  slabMiB: number
  sent: number
  acked: number
  pings: number
  pongs: number
  p50Ms: number
  p99Ms: number
  lost: number
  whyLost: { [why: string]: number }
  counters: Counters | null
  inStore: number | null
}

const number = (value: number, digits = 0) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

export function connectionsReport(it: ConnectionsFigures, failed: string[]): string {
  const perConnectionKiB = ((it.pssMiB - it.pssMiBAtStart) * 1024) / it.connections
  const rows = [
    ['clients connected', number(it.connections)],
    ['processes of the server', `${number(it.processes)} (broker.workers: ${it.workers})`],
    ['held, s', number(it.heldS)],
    ['messages / s', number(it.sent / it.heldS, 1)],
    ['pings / s', number(it.pings / it.heldS, 1)],
    ['CPU of the server, % of one core', number(it.cpuPercent, 1)],
    ['CPU of its main process, % of one core', number(it.mainCpuPercent, 1)],
    ['memory of the server (PSS), MiB', number(it.pssMiB)],
    ['memory of its main process (PSS), MiB', number(it.mainPssMiB)],
    ['memory of the server for a connection, KiB', number(perConnectionKiB, 1)],
    ['memory of the kernel for both ends of all connections, MiB', number(it.slabMiB + it.socketMiB)],
    ['PUBACK p50, ms', number(it.p50Ms, 2)],
    ['PUBACK p99, ms', number(it.p99Ms, 2)],
    ['connections lost', number(it.lost)],
    ['readings acknowledged', number(it.acked)],
    ['readings in the store', it.inStore === null ? '–' : number(it.inStore)],
    ['connected per s', number(it.connections / it.connectS)],
    ['CPU ms for a connect', number((it.connectCpuS * 1000) / it.connections, 3)],
  ]
  return [
    '# Connections',
    '',
    'Written by `node dist/bench/connections.js`; do not edit.',
    '',
    ...machineLines(it.machine, new Date(it.date)),
    ...failed.map((reason) => `- **failed**: ${reason}`),
    '',
    ...tableLines(['', 'figure'], rows),
    '',
    '## What was measured, and how (connections)',
    '',
    `- Server and clients are processes of one machine, over loopback. Each client pings once in ${number(it.pingEveryS)} s; ${number(it.ratePerS)} messages in a second come from clients chosen by chance: QoS 1, JSON, 200 bytes, acknowledged after the sync, stored in DuckDB.`,
    '- CPU: user and system time of all threads of all processes of the server, ingest and the embedded store included, while it was held; connecting is counted by itself.',
    '- Memory: PSS of all processes of the server at the end, the embedded store included; for a connection: what it has grown by since before the first one. The kernel keeps both ends of each connection here; a server has one of them.',
    '- No connection may end, each ping must be answered, and counters and the store itself must hold as many different readings as were acknowledged. Otherwise it fails.',
    '',
  ].join('\n')
}
