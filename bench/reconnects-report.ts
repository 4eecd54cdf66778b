/** RESULTS.md: idle clients, and clients that come back. */
import { mosquittoName } from './brokers.ts'
import type { Machine } from './machine.ts'
import { cell, machineLines, tableLines } from './report.ts'

export type Storm = {
  /** Until the last one has its CONNACK. */
  seconds: number
  /** From the call of connect to the CONNACK. */
  p50Ms: number
  /** Of the server. */
  cpuS: number
  /** Clients that had to try again. */
  failures: { [why: string]: number }
}
export type ReconnectRun = {
  round: number
  name: string
  isTls: boolean
  connectsPerS: number
  connectCpuMs: number
  /** Memory of the server for an idle connection. */
  kiBEach: number
  /** Of one core, while nobody says anything. */
  idleCpuPercent: number
  /** After the network was gone for a moment, and after the server was killed and started again. */
  dropped: Storm
  restarted: Storm
}
export type ReconnectReport = {
  machine: Machine
  date: Date
  rounds: number
  counts: { plain: number; tls: number }
  parallel: number
  runs: ReconnectRun[]
  failed: string[]
  missing: string[]
}

type Column = { title: string; value: (it: ReconnectRun) => number; digits: number; hasRatio: boolean }
const columns: Column[] = [
  { title: 'KiB / idle connection', value: (it) => it.kiBEach, digits: 1, hasRatio: true },
  { title: 'idle CPU, % of a core', value: (it) => it.idleCpuPercent, digits: 2, hasRatio: false },
  { title: 'connects / s', value: (it) => it.connectsPerS, digits: 0, hasRatio: true },
  { title: 'CPU ms / connect', value: (it) => it.connectCpuMs, digits: 3, hasRatio: true },
  { title: 'network dropped: all back after s', value: (it) => it.dropped.seconds, digits: 2, hasRatio: true },
  { title: 'its CPU s', value: (it) => it.dropped.cpuS, digits: 2, hasRatio: true },
  { title: 'server restarted: all back after s', value: (it) => it.restarted.seconds, digits: 2, hasRatio: true },
  { title: 'its CPU s', value: (it) => it.restarted.cpuS, digits: 2, hasRatio: true },
  {
    title: 'tried again',
    value: ({ dropped, restarted }) =>
      [dropped, restarted].flatMap((it) => Object.values(it.failures)).reduce((sum, it) => sum + it, 0),
    digits: 0,
    hasRatio: false,
  },
]

export function reconnectsReport(report: ReconnectReport): string {
  const { machine, date, rounds, counts, parallel, runs, failed, missing } = report
  const parts = [
    { isTls: false, title: `${counts.plain.toLocaleString('en')} clients, plain` },
    { isTls: true, title: `${counts.tls.toLocaleString('en')} clients, TLS` },
  ].filter((it) => runs.some(({ isTls }) => isTls === it.isTls))
  return [
    '# Reconnects',
    '',
    'Written by `node dist/bench/reconnects.js`; do not edit.',
    '',
    ...machineLines(machine, date),
    ...failed.map((it) => `- **failed**: ${it}`),
    ...missing.map((it) => `- skipped: ${it}`),
    ...parts.flatMap(({ isTls, title }) => ['', `## ${title}`, '', ...table(runs.filter((it) => it.isTls === isTls))]),
    '',
    '## What was measured, and how (reconnects)',
    '',
    '- Server and clients are processes of one machine, over loopback. dewpoint is the whole program with the embedded store and its pages, which write each connect and disconnect to the journal; mosquitto keeps nothing.',
    '- Memory: PSS of all processes of the server, 5 s after the last connect, less what it was after 1,000 clients had come and gone. The memory of the kernel is not in it, and the same for all.',
    `- connects / s: ${parallel} at once, from the call of connect to the CONNACK, TLS 1.3 handshake without resumption included. Where the CPU of clients and server together fills the machine, both share it.`,
    '- network dropped: all clients end their connections by RST, then all of them connect at once. server restarted: SIGKILL; when it listens again, all connect at once. A client that fails tries again after 250 to 750 ms.',
    `- The figures are medians of the rounds (${rounds}); in brackets the smallest and the largest. The cases take turns within a round. ×: ratio to mosquitto in the same round.`,
    '- No connection may end, and all must be connected after 120 s. Otherwise the case fails.',
    '',
  ].join('\n')
}

function table(runs: ReconnectRun[]): string[] {
  const names = [...new Set(runs.map(({ name }) => name))]
  const rows = names.map((name) => {
    const own = runs.filter((it) => it.name === name)
    const cells = columns.flatMap(({ value, digits, hasRatio }) => [
      cell(own.map(value), digits),
      ...(hasRatio ? [cell(ratios(own, runs, value), 2)] : []),
    ])
    return [name, ...cells]
  })
  const titles = columns.flatMap(({ title, hasRatio }) => (hasRatio ? [title, '×'] : [title]))
  return tableLines(['', ...titles], rows)
}

/** Only within a round: what else runs on the machine changes from round to round. */
function ratios(own: ReconnectRun[], all: ReconnectRun[], value: (it: ReconnectRun) => number): Array<number | null> {
  return own.map((it) => {
    const theirs = all.find(({ name, round }) => name === mosquittoName && round === it.round)
    return theirs === undefined ? null : value(it) / value(theirs)
  })
}
