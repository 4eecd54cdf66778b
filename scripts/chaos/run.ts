/** One run of chaos over one store: the faults, then everything drained and held against the truth. */
import { createRandom, memberSeed } from '../../devices-sim/random.ts'
import { fleetRoutes } from '../../test/ingest/fleet.ts'
import { type Conducted, conduct } from './conduct.ts'
import { faults } from './faults.ts'
import type { Finding, Fleet } from './fleet.ts'
import { createMixedFleet, mixedRoutes } from './mixed-fleet.ts'
import { type Break, sabotage } from './sabotage.ts'
import { createStormFleet } from './storm-fleet.ts'
import { openWorld, type StoreName, type World } from './world.ts'

/** storm: each message three times, in any order; mixed: every format, clock and session. */
export const fleetNames = ['storm', 'mixed'] as const
export type FleetName = (typeof fleetNames)[number]

type FleetKind = { routes: () => string; create(world: World, seed: number, forMs: number): Fleet }
const fleets: { [name in FleetName]: FleetKind } = {
  storm: { routes: () => fleetRoutes, create: createStormFleet },
  mixed: { routes: mixedRoutes, create: createMixedFleet },
}

export type RunOptions = {
  store: StoreName
  fleet: FleetName
  seed: number
  forMs: number
  /** Broken on purpose before the verification. */
  breaking?: Break
  say(line: string): void
}

export type Run = Conducted & {
  store: StoreName
  fleet: FleetName
  seed: number
  findings: Finding[]
  /** What the fleet has sent. */
  told: string
}

/** Twice the longest backoff of a delivery, and a start on a busy machine. */
const recoveryMsMax = 60_000
/** In a short run, so that each fault comes up. */
const holdShare = 1 / 15
/** Which measurement a saboteur meddles with: its devices tell the time themselves. */
const sabotaged: { [name in FleetName]: string } = { storm: 'senml', mixed: 'pulse' }

export async function runChaos({ store, fleet: name, seed, forMs, breaking, say }: RunOptions): Promise<Run> {
  const { routes, create } = fleets[name]
  const world = await openWorld(store, routes())
  const fleet = create(world, memberSeed(seed, 0), forMs)
  try {
    fleet.start()
    const random = createRandom(memberSeed(seed, 1))
    const conducted = await conduct({
      world,
      fleet,
      random,
      faults,
      forMs,
      holdMsMax: forMs * holdShare,
      recoveryMsMax,
      say,
    })
    let { failure } = conducted
    let findings: Finding[] = []
    // After a failure some may not even be acknowledged: that would be told twice.
    if (failure === null) {
      try {
        await fleet.drain(recoveryMsMax)
        if (breaking !== undefined) await sabotage(world, breaking, sabotaged[name], 0)
        findings = await fleet.verify()
      } catch (error) {
        failure = `after the last fault: ${(error as Error).message}`
      }
    }
    return { ...conducted, failure, store, fleet: name, seed, findings, told: fleet.told() }
  } finally {
    fleet.close()
    await world.close()
  }
}

export const isGood = ({ failure, findings }: Run): boolean => failure === null && findings.length === 0
