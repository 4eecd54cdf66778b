/** Lets the incidents of a scenario happen on the clock of the run, and tells the truth of each. */
import type { DeviceName } from '../../telemetry/device.ts'
import type { SimClock } from '../sim-clock.ts'
import type { TruthWriter } from '../truth/truth.ts'
import type { Incident, Scenario } from './scenario.ts'

/** What incidents are done to. A device stays cut until it is healed, whatever else becomes of its link meanwhile. */
export type IncidentTarget = {
  cut(devices: number[]): void
  heal(devices: number[]): void
  stopServer(): void
  startServer(): void
}

export type IncidentOptions = {
  scenario: Pick<Scenario, 'incidents'>
  clock: SimClock
  /** Of the run. */
  startMs: number
  truth: Pick<TruthWriter, 'write'>
  target: IncidentTarget
  /** In the order by which the truth numbers them. */
  members: ReadonlyArray<{ name: DeviceName; profile: { name: string }; gateway: string | null }>
}

/** Answers how it ends before its time: what is broken then is whole again, and what has not begun never does. */
export function startIncidents(options: IncidentOptions): () => void {
  const breaker = createBreaker(options.target)
  const ends = options.scenario.incidents.map((incident, id) => startIncident(options, incident, id, breaker))
  return () => {
    for (const end of ends) end()
  }
}

type Breaker = {
  breakDown(incident: Incident, devices: number[]): void
  mend(incident: Incident, devices: number[]): void
}

/** Incidents overlap: what several have broken is whole with the end of the last one. */
function createBreaker(target: IncidentTarget): Breaker {
  const brokenBy = new Map<number, number>()
  let serverBrokenBy = 0
  /** Answers the devices that this changes. */
  const count = (devices: number[], by: 1 | -1, change: number) =>
    devices.filter((device) => {
      const now = (brokenBy.get(device) ?? 0) + by
      brokenBy.set(device, now)
      return now === change
    })
  return {
    breakDown({ kind }, devices) {
      if (kind === 'server-outage') {
        if (++serverBrokenBy === 1) target.stopServer()
        return
      }
      const cut = count(devices, 1, 1)
      if (cut.length > 0) target.cut(cut)
    },
    mend({ kind }, devices) {
      if (kind === 'server-outage') {
        if (--serverBrokenBy === 0) target.startServer()
        return
      }
      const healed = count(devices, -1, 0)
      if (healed.length > 0) target.heal(healed)
    },
  }
}

function startIncident(options: IncidentOptions, incident: Incident, id: number, breaker: Breaker): () => void {
  const { clock, startMs, truth, members } = options
  const { kind, of, atS, lastsS } = incident
  const devices = [...members.keys()].filter((device) => concerns(incident, members[device] as Member))
  const tell = (phase: 'begin' | 'end') =>
    truth.write({ type: 'incident', id, atMs: clock.nowMs(), phase, kind, devices, detail: of.join(', ') })
  let isBroken = false
  const begin = () => {
    isBroken = true
    tell('begin')
    breaker.breakDown(incident, devices)
    forget = clock.at(startMs + (atS + lastsS) * 1000, end)
  }
  const end = () => {
    forget()
    if (!isBroken) return
    isBroken = false
    breaker.mend(incident, devices)
    tell('end')
  }
  let forget = clock.at(startMs + atS * 1000, begin)
  return end
}

type Member = IncidentOptions['members'][number]

function concerns({ kind, of }: Incident, { name, profile, gateway }: Member): boolean {
  switch (kind) {
    case 'gateway-outage':
      return gateway !== null && of.includes(gateway)
    case 'site-outage':
      return of.includes(name.site)
    case 'network-outage':
      return of.includes(profile.name)
    case 'server-outage':
      return true
  }
}
