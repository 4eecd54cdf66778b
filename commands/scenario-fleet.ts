/** The devices of a scenario with all that belongs to them: sensors, cells, incidents, routes. */
import { type Config, loadConfig } from '../config/load.ts'
import { routesOf } from '../devices-sim/device/format.ts'
import type { Bill } from '../devices-sim/energy/bill.ts'
import { createMeter } from '../devices-sim/energy/create-meter.ts'
import { createFleet, type Fleet } from '../devices-sim/fleet.ts'
import type { Profile } from '../devices-sim/profile.ts'
import { startIncidents } from '../devices-sim/scenario/incidents.ts'
import type { Scenario } from '../devices-sim/scenario/scenario.ts'
import { createSensors, quantitiesOf } from '../devices-sim/signals/sensors.ts'
import type { SimClock } from '../devices-sim/sim-clock.ts'
import type { Transport } from '../devices-sim/transport.ts'
import type { TruthWriter } from '../devices-sim/truth/truth.ts'

/** Lines of telemetry.yaml. @throws StartError when two profiles want the same topic for different payloads */
export const scenarioRoutes = ({ profiles }: Scenario): string => routesOf(profiles, quantitiesOf)

/** A configuration with the scenario's routes and all else by default. */
export const scenarioConfig = (scenario: Scenario): Config => loadConfig(scenarioRoutes(scenario), scenario.name, {})

export type ScenarioFleet = Fleet & {
  /** Of a device of each profile, in the mean. */
  bills(atMs: number): ProfileBill[]
}

/** `daysOfLife` null: on mains. */
export type ProfileBill = { profile: string } & Pick<Bill, 'bytesPerDay' | 'milliJoulesPerDay' | 'daysOfLife'>

export type ScenarioWorld = {
  scenario: Scenario
  seed: number
  startMs: number
  clock: SimClock
  transport: Transport
  truth: TruthWriter
  /** Null: it is not ours to stop. Its devices lose it instead. */
  server: { start(): void; stop(): void } | null
}

/** Not started yet; its incidents begin with start() and end with close(). */
export function createScenarioFleet(world: ScenarioWorld): ScenarioFleet {
  const { scenario, seed, startMs, clock, transport, truth, server } = world
  const { profiles } = scenario
  const meters = new Map<Profile, Array<ReturnType<typeof createMeter>>>(profiles.map((profile) => [profile, []]))
  const fleet = createFleet({
    profiles,
    seed,
    clock,
    transport,
    truth,
    startMs,
    // Faults by plan count from the start of the run, also for those that join later.
    createSensors: (profile, random, _joinMs, volts) => createSensors(profile, random, startMs, volts),
    createMeter(profile, random, joinMs) {
      const meter = createMeter(profile, random, joinMs)
      meters.get(profile)?.push(meter)
      return meter
    },
  })
  const all = [...fleet.members.keys()]
  const target = {
    cut: (devices: number[]) => devices.forEach(fleet.unplug),
    heal: (devices: number[]) => devices.forEach(fleet.plug),
    stopServer: () => (server === null ? all.forEach(fleet.unplug) : server.stop()),
    startServer: () => (server === null ? all.forEach(fleet.plug) : server.start()),
  }
  let endIncidents = () => {}
  return {
    ...fleet,
    start() {
      fleet.start()
      endIncidents = startIncidents({ scenario, clock, startMs, truth, target, members: fleet.members })
    },
    drain(withinMs) {
      endIncidents()
      return fleet.drain(withinMs)
    },
    bills: (atMs) =>
      [...meters].map(([profile, of]) =>
        meanOf(
          profile.name,
          of.map((it) => it.bill(atMs)),
        ),
      ),
  }
}

function meanOf(profile: string, bills: Bill[]): ProfileBill {
  const mean = (of: (bill: Bill) => number) => bills.reduce((sum, bill) => sum + of(bill), 0) / bills.length
  const isOnMains = bills.some(({ daysOfLife }) => daysOfLife === null)
  return {
    profile,
    bytesPerDay: mean(({ bytesPerDay }) => bytesPerDay),
    milliJoulesPerDay: mean(({ milliJoulesPerDay }) => milliJoulesPerDay),
    daysOfLife: isOnMains ? null : mean(({ daysOfLife }) => daysOfLife ?? 0),
  }
}
