/** `npm run bench`: every case in turn, some rounds of them, and its part of bench/RESULTS.md. Exit 1 when a case failed. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cases, loads } from './cases.ts'
import { measureSyncs, readMachine, skipped } from './machine.ts'
import { measure } from './measure.ts'
import { choose, passingFolder, profileInto, roundsOf } from './options.ts'
import { type Run, report } from './report.ts'
import { writePart } from './results-file.ts'

const help = `Usage: npm run bench -- [options]

  --rounds N      how often each case runs (default 3)
  --case NAME     only this case; may be repeated
  --load NAME     only this load; may be repeated
  --results FILE  where the results go (default bench/RESULTS.md)
  --profile DIR   CPU profiles of Dewpoint go there; the figures are then worth nothing
  --help          this text

Data folders are made below TMPDIR: it should lie on a disk like the one of the data folder.`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    case: { type: 'string', multiple: true },
    load: { type: 'string', multiple: true },
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
const chosenCases = choose(cases, values.case)
const chosenLoads = choose(loads, values.load)
const nodeOptions = profileInto(values.profile)

const folder = passingFolder('bench')

const machine = readMachine()
const syncs = measureSyncs(folder)
const runs: Run[] = []
const failed: string[] = []
for (const reason of skipped()) console.log(`skipped ${reason}`)
for (let round = 1; round <= rounds; round++) {
  for (const it of chosenCases.filter(({ missing }) => missing === null)) {
    const caseFolder = join(folder, `${it.name}-${round}`)
    try {
      const figures = await measure(it, chosenLoads, caseFolder, nodeOptions)
      runs.push({ round, name: it.name, figures })
      for (const line of figures)
        console.log(
          round,
          it.name,
          JSON.stringify(line, (_, value) => shortened(value)),
        )
    } catch (error) {
      failed.push(`${it.name}, round ${round}: ${(error as Error).message}`)
      console.error(`failed: ${failed.at(-1)}`)
    }
    rmSync(caseFolder, { recursive: true, force: true })
  }
}
const text = report({ machine, syncs, date: new Date(), rounds, loads: chosenLoads, runs, skipped: skipped(), failed })
writePart(values.results, text)
console.log(`written: ${values.results}`)
process.exit(failed.length === 0 ? 0 : 1)

function shortened(value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value
}
