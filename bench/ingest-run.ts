/** `npm run bench:ingest`: ingest alone, from a full journal to the stores, and its part of bench/RESULTS.md. */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { countInDuckdb } from './cases.ts'
import { buildFirstForm } from './first-form.ts'
import { type Filled, fillJournal, forms } from './ingest-forms.ts'
import type { IngestFigures, IngestTask } from './ingest-process.ts'
import { type IngestRun, ingestReport, yardstickForm } from './ingest-report.ts'
import { readMachine } from './machine.ts'
import { choose, passingFolder, profileInto, roundsOf } from './options.ts'
import { writePart } from './results-file.ts'
import { influxdPath, startInfluxd } from './servers.ts'

const help = `Usage: npm run bench:ingest -- [options]

  --rounds N      how often each case runs (default 5)
  --form NAME     only this payload (${forms.map(({ name }) => name).join(', ')}); may be repeated
  --store NAME    only this store (no store, DuckDB, InfluxDB); may be repeated
  --results FILE  where the results go (default bench/RESULTS.md)
  --profile DIR   CPU profiles go there; the figures are then worth nothing
  --help          this text

Journals and stores are made below TMPDIR.`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    form: { type: 'string', multiple: true },
    store: { type: 'string', multiple: true },
    results: { type: 'string', default: join('bench', 'RESULTS.md') },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(help)
  process.exit(0)
}
const rounds = roundsOf(values.rounds)
const chosenForms = choose(forms, values.form)
const chosenStores = choose([{ name: 'no store' }, { name: 'DuckDB' }, { name: 'InfluxDB' }], values.store)
const nodeOptions = ['--expose-gc', '--enable-source-maps', ...profileInto(values.profile)]
const influxd = influxdPath()
const skipped = influxd === null ? ['InfluxDB: influxd is missing: set INFLUXD, or run .ci/build-influxd.sh'] : []
const stores = chosenStores.map(({ name }) => name).filter((it) => it !== 'InfluxDB' || influxd !== null)

const folder = passingFolder('bench-ingest')
const first = buildFirstForm(join(folder, 'first-form'))
process.prependOnceListener('exit', () => {
  if ('remove' in first) first.remove()
})
if ('missing' in first) skipped.push(first.missing)
for (const reason of skipped) console.log(`skipped ${reason}`)

const machine = readMachine()
const journals = []
for (const form of chosenForms) {
  const fill = (part: string, readings: number) =>
    fillJournal(join(folder, `${form.name}-${part}`), form, readings, part)
  const warmUp = await fill('warm-up', form.readings / 5)
  journals.push({ form, warmUp, journal: await fill('bench', form.readings) })
}

const ours = join(import.meta.dirname, '..')
const runs: IngestRun[] = []
for (let round = 1; round <= rounds; round++) {
  for (const store of stores) {
    for (const { form, warmUp, journal } of journals) {
      for (const isFirst of form.name === yardstickForm && 'dist' in first ? [true, false] : [false]) {
        const route = isFirst ? { ...form.route, payload: form.route.payload.codec } : form.route
        const dist = isFirst && 'dist' in first ? first.dist : ours
        const figures = await measure(store, { dist, route, warmUp, journal, folder: join(folder, 'run') })
        rmSync(join(folder, 'run'), { recursive: true, force: true })
        runs.push({ round, store, form: form.name, isFirst, figures })
        const rate = Math.round(journal.readings / figures.cpuS).toLocaleString('en')
        console.log(round, store, form.name, isFirst ? 'first form' : '', `${rate} / CPU s`, JSON.stringify(figures))
      }
    }
  }
}
writePart(values.results, ingestReport({ machine, date: new Date(), rounds, stores, journals, runs, skipped }))
console.log(`written: ${values.results}`)
process.exit(0)

/** @throws Error when the store does not hold every reading at the end. */
async function measure(store: string, task: Omit<IngestTask, 'store'>): Promise<IngestFigures> {
  const { warmUp, journal } = task
  if (store === 'InfluxDB') {
    const server = await startInfluxd(influxd as string, join(task.folder, 'influxd'))
    try {
      const figures = await runProcess({
        ...task,
        store: { type: 'influxdb', url: server.url, pid: server.running.pid },
      })
      mustHold(await server.count('voltage'), [warmUp, journal])
      return figures
    } finally {
      await server.running.stop()
    }
  }
  if (store === 'no store') return runProcess({ ...task, store: { type: 'none' } })
  const figures = await runProcess({ ...task, store: { type: 'duckdb' } })
  mustHold(await countInDuckdb(join(task.folder, 'measured', 'readings.duckdb')), [journal])
  return figures
}

function mustHold(count: number, journals: Filled[]): void {
  const wanted = journals.reduce((sum, { readings }) => sum + readings, 0)
  if (count !== wanted) throw new Error(`${wanted} readings in the journal, ${count} in the store`)
}

async function runProcess(task: IngestTask): Promise<IngestFigures> {
  const program = join(import.meta.dirname, 'ingest-process.js')
  const { stdout } = await promisify(execFile)(process.execPath, [...nodeOptions, program, JSON.stringify(task)])
  return JSON.parse(stdout) as IngestFigures
}
