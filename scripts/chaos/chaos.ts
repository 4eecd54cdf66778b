/**
 * npm run chaos -- [--minutes 30] [--seed N] [--store both|duckdb|influxdb] [--break lose|double|alter|late]: random faults against
 * a real Dewpoint and its store while a fleet sends, then both held against the truth. The minutes are shared by the stores, and by the
 * two fleets on each. Exit 1 when something is lost, doubled or wrong, or a fault is not recovered from; 2 for bad options.
 */
import { parseArgs } from 'node:util'
import { needs } from '../../test/servers/tools.ts'
import { type FleetName, fleetNames, isGood, type Run, runChaos } from './run.ts'
import { type Break, breaks } from './sabotage.ts'
import { keepSeed, loadSeeds } from './seeds.ts'
import { faultTable } from './table.ts'
import type { StoreName } from './world.ts'

/** A kept seed is run for so long. */
const keptForMs = 60_000
const shownMax = 20
const secondsMin = 10

const stores: { [name: string]: StoreName[] } = {
  both: ['duckdb', 'influxdb'],
  duckdb: ['duckdb'],
  influxdb: ['influxdb'],
}

function refuse(text: string): never {
  console.error(text)
  process.exit(2)
}

const text = { type: 'string' } as const
function given() {
  try {
    return parseArgs({ options: { minutes: text, seed: text, store: text, break: text } }).values
  } catch (error) {
    refuse((error as Error).message)
  }
}
const options = given()
const minutes = Number(options.minutes ?? (process.env.CI === 'true' ? 5 : 30))
const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 32))
const wanted = stores[options.store ?? 'both']
if (wanted === undefined) refuse(`--store ${options.store}: wanted ${Object.keys(stores).join(', ')}`)
if (!(minutes * 60 >= secondsMin)) refuse(`--minutes ${options.minutes}: wanted a number of at least ${secondsMin} s`)
if (!Number.isSafeInteger(seed) || seed < 0) refuse(`--seed ${options.seed}: wanted a whole number, 0 or more`)
const breaking = options.break as Break | undefined
if (breaking !== undefined && !breaks.includes(breaking)) refuse(`--break ${breaking}: wanted ${breaks.join(', ')}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const lacksInfluxd = wanted.includes('influxdb') ? needs({ influxd: true }) : null
const chosen = wanted.filter((store) => store !== 'influxdb' || lacksInfluxd === null)
const forMs = (minutes * 60_000) / Math.max(1, chosen.length * fleetNames.length)

async function run(store: StoreName, fleet: FleetName, seed: number, forMs: number): Promise<Run> {
  console.log(`${store}, fleet ${fleet}, seed ${seed}, ${(forMs / 60_000).toFixed(1)} minutes`)
  const say = (line: string) => console.log(`  ${line}`)
  const run = await runChaos({ store, fleet, seed, forMs, say, ...(breaking !== undefined && { breaking }) })
  for (const { kind, text } of run.findings.slice(0, shownMax)) say(`${kind}: ${text}`)
  if (run.findings.length > shownMax) say(`${run.findings.length} findings in all`)
  say(`${run.told}; ${isGood(run) ? 'nothing lost, doubled or wrong' : 'FAILED'}`)
  if (!isGood(run) && breaking === undefined) keepSeed(run, run.failure ?? run.findings[0]?.text ?? '')
  return run
}

const kept: Run[] = []
if (options.seed === undefined && breaking === undefined) {
  for (const it of loadSeeds())
    if (chosen.includes(it.store)) kept.push(await run(it.store, it.fleet, it.seed, keptForMs))
}
const runs: Run[] = []
for (const store of chosen) for (const fleet of fleetNames) runs.push(await run(store, fleet, seed, forMs))
console.log([`Seed ${seed}`, '', ...faultTable(runs)].join('\n'))
process.exit([...kept, ...runs].every(isGood) ? 0 : 1)
