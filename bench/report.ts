/** RESULTS.md: what was measured on what, without a figure typed by hand. */
import { clients, peer, warmUp, yardstick } from './cases.ts'
import type { Load } from './load.ts'

import type { Machine, SyncTimes } from './machine.ts'
import type { Figures } from './measure.ts'

/** The figures of one case in one round. */
export type Run = { round: number; name: string; figures: Figures[] }
export type Report = {
  machine: Machine
  syncs: SyncTimes
  date: Date
  rounds: number
  loads: Load[]
  runs: Run[]
  skipped: string[]
  failed: string[]
}

const columns: Array<{ title: string; value: (it: Figures) => number | null; digits: number }> = [
  { title: 'acked/s', value: (it) => it.ackedPerS, digits: 0 },
  { title: 'stored/s', value: (it) => it.storedPerS, digits: 0 },
  { title: 'CPU s / 100k', value: (it) => it.cpuS, digits: 2 },
  { title: 'influxd CPU s / 100k', value: (it) => it.storeCpuS, digits: 2 },
  { title: 'PUBACK p50 ms', value: (it) => it.p50Ms, digits: 2 },
  { title: 'PUBACK p99 ms', value: (it) => it.p99Ms, digits: 2 },
  { title: 'peak RSS MiB', value: (it) => it.peakMiB, digits: 0 },
  { title: 'generator CPU s / 100k', value: (it) => it.generatorCpuS, digits: 2 },
]

export function report({ machine, syncs, date, rounds, loads, runs, skipped, failed }: Report): string {
  const names = [...new Set(runs.map(({ name }) => name))]
  const list = (title: string, items: string[]) =>
    items.length === 0 ? [] : ['', ...items.map((it) => `- ${title} ${it}`)]
  return [
    '# Results',
    '',
    'Written by `npm run bench`; do not edit.',
    '',
    ...machineLines(machine, date),
    `- Bare write + fdatasync of 4 KiB in ${syncs.folder} (${syncs.fileSystem}), ${syncs.count} times: p50 ${syncs.p50Ms.toFixed(2)} ms, p99 ${syncs.p99Ms.toFixed(2)} ms`,
    ...list('**failed**:', failed),
    ...list('skipped:', skipped),
    ...loads.flatMap(({ name }) => ['', `## ${name}`, '', ...table(name, names, runs)]),
    '',
    '## What was measured, and how',
    '',
    `- Generator, server and influxd are processes of one machine, over loopback. ${clients} clients are connected; those of a load send QoS 1 on \`sensors/bench/dNNN/voltage\`, JSON with v, t and seq.`,
    ...loads.map((load) =>
      'window' in load
        ? `- ${load.name}: each of ${load.clients} clients has ${load.window} messages without PUBACK at any time; ${load.messages} messages.`
        : `- ${load.name}: ${load.messages} messages at a steady rate over ${load.clients} clients, whether PUBACKs come or not.`,
    ),
    `- Before each load ${warmUp.messages} messages with window ${'window' in warmUp ? warmUp.window : 0} warm the same processes up. Each case of each round starts on an empty folder.`,
    `- The figures are medians of the rounds (${rounds}); in brackets the smallest and the largest. The cases take turns within a round.`,
    '- acked/s: from the first message to the last PUBACK. stored/s: from the first message until every reading is counted as stored (/api/counters).',
    '- CPU: user and system time of all threads, from the first message until everything is stored. It contains everything that Dewpoint does: broker, journal, ingest, liveness, and the embedded store.',
    `- CPU ratio: to ${yardstick} in the same round, which keeps nothing, syncs nothing and forwards to nobody.`,
    `- stored/s ratio: to ${peer} in the same round: mosquitto and a client that subscribes, makes lines of what comes, and writes them to InfluxDB, without journal, checks or any account of what was lost. Its CPU is that of both processes.`,
    '- qos1_broker_and_journal is our broker and journal with nothing behind them: the work of the yardstick, and every PUBACK after its sync.',
    '- generator CPU: where it comes near to the time that the load took, acked/s is what the generator can do, and the server could do more.',
    '- PUBACK p50 and p99: from the write of a message to its PUBACK, as the generator sees it.',
    '- Every reading is accounted for: stored equals acknowledged in the counters, and the store itself, asked at the end, holds as many different readings. Otherwise the case fails.',
    '',
  ].join('\n')
}

function table(load: string, names: string[], runs: Run[]): string[] {
  const figuresOf = (name: string) =>
    runs.flatMap((it) => (it.name === name ? it.figures.filter((figures) => figures.load === load) : []))
  const rows = names.map((name) => {
    const figures = figuresOf(name)
    const cells = columns.map(({ value, digits }) => cell(figures.map(value), digits))
    const toPeer = cell(
      ratios(load, name, runs, peer, (it) => it.storedPerS),
      2,
    )
    const toYardstick = cell(
      ratios(load, name, runs, yardstick, (it) => it.cpuS),
      2,
    )
    return [name, ...cells.slice(0, 2), toPeer, ...cells.slice(2, 3), toYardstick, ...cells.slice(3)]
  })
  const titles = columns.map(({ title }) => title)
  const [stored, cpu] = ['stored/s ratio to subscriber', 'CPU ratio to mosquitto']
  const head = ['case', ...titles.slice(0, 2), stored, ...titles.slice(2, 3), cpu, ...titles.slice(3)]
  return tableLines(head, rows)
}

/** A table of Markdown, whose first column holds names and the others figures. */
export function tableLines(head: string[], rows: string[][]): string[] {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)]
}

/** Only within a round: what else runs on the machine changes from round to round. */
function ratios(
  load: string,
  name: string,
  runs: Run[],
  other: string,
  figure: (it: Figures) => number | null,
): Array<number | null> {
  const figureOf = (of: string, round: number) => {
    const figures = runs.find((it) => it.name === of && it.round === round)?.figures.find((it) => it.load === load)
    return figures === undefined ? null : figure(figures)
  }
  return runs.flatMap((it) => {
    if (it.name !== name) return []
    const [ours, theirs] = [figureOf(name, it.round), figureOf(other, it.round)]
    return ours === null || theirs === null ? [null] : [ours / theirs]
  })
}

export const machineLines = (machine: Machine, date: Date): string[] => [
  `- Date: ${date.toISOString()}`,
  `- Machine: ${machine.cpus}, ${machine.memory}; load average before the run ${machine.load}`,
  `- Node ${machine.node}, Linux ${machine.kernel}; ${machine.programs}`,
]

/** `median (least–most)`. */
export function cell(values: Array<number | null>, digits: number): string {
  const sorted = values.filter((it) => it !== null).toSorted((a, b) => a - b)
  if (sorted.length === 0) return '–'
  const text = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  const middle = sorted.length >> 1
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
  const range = sorted.length === 1 ? '' : ` (${text(sorted[0] as number)}–${text(sorted.at(-1) as number)})`
  return `${text(median as number)}${range}`
}
