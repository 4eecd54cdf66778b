/**
 * A short chaos over each store (`npm run chaos` is the long one), kept seeds first; and each promise broken once on purpose,
 * which must be found. SEED=n repeats a run, as far as the machine's timing lets it.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { createRandom } from '../../devices-sim/random.ts'
import type { Finding, Fleet } from '../../scripts/chaos/fleet.ts'
import { type FleetName, fleetNames, runChaos } from '../../scripts/chaos/run.ts'
import { breaks, foundBy, sabotage } from '../../scripts/chaos/sabotage.ts'
import { loadSeeds } from '../../scripts/chaos/seeds.ts'
import { createStormFleet } from '../../scripts/chaos/storm-fleet.ts'
import { faultTable } from '../../scripts/chaos/table.ts'
import { openWorld, type StoreName, type World } from '../../scripts/chaos/world.ts'
import { until } from '../faults/waiting.ts'
import { fleetRoutes } from '../ingest/fleet.ts'
import { needs } from '../servers/tools.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32))
/** Five minutes in CI for two stores with two fleets each. */
const forMs = process.env.CI === 'true' ? 75_000 : 30_000
const keptForMs = 30_000
/** Recovery, drain and verification come on top, and each may take as long as it is allowed to. */
const restMsMax = 180_000

let fleet: Fleet | null = null
let world: World | null = null
afterEach(async () => {
  fleet?.close()
  await world?.close()
  fleet = null
  world = null
})

async function expectGood(store: StoreName, fleet: FleetName, seed: number, forMs: number): Promise<void> {
  const lines = [`SEED=${seed} (${store}, ${fleet})`]
  const run = await runChaos({ store, fleet, seed, forMs, say: (line) => lines.push(line) })
  console.log([...lines, run.told, ...faultTable([run])].join('\n'))
  expect(run.failure).toBeNull()
  expect(run.findings.slice(0, 20)).toEqual([])
  expect(run.happened.length).toBeGreaterThan(1)
}

function suite(store: StoreName): void {
  for (const it of loadSeeds().filter((kept) => kept.store === store)) {
    test(
      `dewpoint loses and doubles nothing when faults strike at random by the kept seed ${it.seed}`,
      async () => {
        await expectGood(store, it.fleet, it.seed, keptForMs)
      },
      keptForMs + restMsMax,
    )
  }

  test.each(fleetNames)(
    'dewpoint loses and doubles nothing of the fleet %s when faults strike at random',
    async (fleet) => {
      await expectGood(store, fleet, seed, forMs)
    },
    forMs + restMsMax,
  )

  test(
    'verification finds exactly what was broken when a reading is lost, doubled, altered or moved in the store',
    async () => {
      const opened = await openWorld(store, fleetRoutes)
      world = opened
      const storm = createStormFleet(opened, seed, 3_000)
      fleet = storm
      storm.start()
      await until(() => storm.acknowledged() > 300, '300 PUBACKs', 30_000)
      await storm.drain(30_000)
      let known: Finding[] = await storm.verify()
      expect(known).toEqual([])
      const random = createRandom(seed)
      for (const [i, breaking] of breaks.entries()) {
        // One after the other in the same store, which is never whole again.
        await sabotage(opened, breaking, 'senml', 4 * i + random.below(2))
        const texts = new Set(known.map(({ text }) => text))
        known = await storm.verify()
        const found = known.filter(({ text }) => !texts.has(text)).map(({ kind }) => kind)
        expect({ breaking, found: found.sort() }).toEqual({ breaking, found: foundBy[breaking] })
      }
    },
    restMsMax,
  )
}

describe('DuckDB', () => suite('duckdb'))
describe.skipIf(needs({ influxd: true }) !== null)('InfluxDB', () => suite('influxdb'))
