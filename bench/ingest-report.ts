/** The part of RESULTS.md about ingest alone. */
import { firstFormCommit } from './first-form.ts'
import { devices, type Filled, type Form } from './ingest-forms.ts'
import type { IngestFigures } from './ingest-process.ts'
import type { Machine } from './machine.ts'
import { cell, machineLines, tableLines } from './report.ts'

/** `isFirst`: by the code of the first form. */
export type IngestRun = { round: number; store: string; form: string; isFirst: boolean; figures: IngestFigures }
export type IngestReport = {
  machine: Machine
  date: Date
  rounds: number
  stores: string[]
  journals: Array<{ form: Form; warmUp: Filled; journal: Filled }>
  runs: IngestRun[]
  skipped: string[]
}

/** What the ratios are against: the first form knows no other payload. */
export const yardstickForm = 'json'

export function ingestReport({ machine, date, rounds, stores, journals, runs, skipped }: IngestReport): string {
  const readingsOf = (name: string) => journals.find(({ form }) => form.name === name)?.journal.readings as number
  const perCpuS = ({ form, figures }: IngestRun) => readingsOf(form) / figures.cpuS
  const ratio = (run: IngestRun): number | null => {
    const first = runs.find((it) => it.isFirst && it.round === run.round && it.store === run.store)
    return first === undefined ? null : perCpuS(run) / perCpuS(first)
  }

  function row(name: string, some: IngestRun[]): string[] {
    const cells = (value: (run: IngestRun) => number | null, digits: number) => cell(some.map(value), digits)
    const storeCpuS = ({ form, figures }: IngestRun) =>
      figures.storeCpuS === null ? null : (figures.storeCpuS / readingsOf(form)) * 1e6
    return [
      name,
      cells(perCpuS, 0),
      cells(ratio, 2),
      cells(({ form, figures }) => readingsOf(form) / figures.wallS, 0),
      cells(storeCpuS, 2),
      cells(({ figures }) => figures.peakMiB, 0),
    ]
  }

  function table(store: string): string[] {
    const rows = [true, false].flatMap((isFirst) =>
      journals.flatMap(({ form: { name } }) => {
        const some = runs.filter((it) => it.store === store && it.form === name && it.isFirst === isFirst)
        return some.length === 0 ? [] : [row(isFirst ? `${name}, first form` : name, some)]
      }),
    )
    const head = ['payload', 'readings / CPU s', 'ratio to the first form', 'readings / s', 'influxd CPU s / 1M']
    return ['', `## Journal to ${store}`, '', ...tableLines([...head, 'peak RSS MiB'], rows)]
  }

  return [
    '# Ingest alone',
    '',
    'Written by `npm run bench:ingest`; do not edit.',
    '',
    ...machineLines(machine, date),
    ...skipped.map((it) => `- skipped: ${it}`),
    ...stores.flatMap(table),
    '',
    '## What was measured, and how (ingest)',
    '',
    `- A journal of readings of ${devices} devices is filled before, and read by all runs. From the first read of it until everything is stored and ingest has closed, in a process of its own without broker and pages.`,
    ...journals.map(
      ({ form, warmUp, journal }) =>
        `- ${form.name}: ${journal.readings.toLocaleString('en')} readings, ${form.readingsPerMessage} in a message of about ${journal.bytesPerMessage} bytes; before, the same process ingests ${warmUp.readings.toLocaleString('en')} others like them, to be warm.`,
    ),
    `- The figures are medians of the rounds (${rounds}); in brackets the smallest and the largest. The cases take turns within a round.`,
    '- readings / CPU s: by user and system time of all threads of the process, the embedded DuckDB and the garbage collector included: what one core does. readings / s: by the clock.',
    `- ratio to the first form: readings / CPU s to those of JSON by the code of commit ${firstFormCommit}, which knows no other payload, from the same journal in the same round into the same store.`,
    '- Journal to no store: decoded, decided and routed; the points are then dropped.',
    '- Every message must end as stored with all of its points, and DuckDB and InfluxDB, asked at the end, must hold as many different readings.',
    '',
  ].join('\n')
}
