/** A run of simulated devices as data: which devices, for how long, what happens to them, and what must come of it. */
import type { Profile } from '../profile.ts'

/** What an incident concerns: a gateway, all of a site, the network of some profiles, or the server. */
export const incidentKinds = ['gateway-outage', 'site-outage', 'network-outage', 'server-outage'] as const
export type IncidentKind = (typeof incidentKinds)[number]

/** Times: seconds from the start of the run. `of`: gateways, sites or profiles by name; empty: the server, and so everyone. */
export type Incident = { kind: IncidentKind; of: string[]; atS: number; lastsS: number }

export type Scenario = {
  /** That of its file. */
  name: string
  /** One line. */
  description: string
  /** Null: a random one, which the run prints. */
  seed: number | null
  /** Milliseconds: in virtual time, and against a real server. */
  durationMs: { virtual: number; real: number }
  profiles: Profile[]
  incidents: Incident[]
  /** Beyond what every run must show: nothing lost, doubled or altered. Null: not checked. */
  expect: { alertWithinMs: number | null; alertsPerIncidentMax: number | null }
}

/** Devices, and reports in a minute of all of them together when nothing fails. */
export function ratesOf({ profiles }: Scenario): { devices: number; reportsPerMin: number } {
  const sum = (of: (profile: Profile) => number) => profiles.reduce((total, profile) => total + of(profile), 0)
  return {
    devices: sum(({ count }) => count),
    reportsPerMin: sum(({ count, sampleEveryS, batch }) => (60 * count) / (sampleEveryS * batch)),
  }
}

/** The gateway that the nth device of a profile, from 0 on, hangs on; null: it has none. */
export const gatewayOf = ({ name, perGateway }: Pick<Profile, 'name' | 'perGateway'>, nth: number): string | null =>
  perGateway > 0 ? `${name}-gateway-${Math.floor(nth / perGateway) + 1}` : null
