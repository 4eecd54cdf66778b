/** What goes wrong, when: by chance from the seed. Each is told to the truth when it happens. */
import type { Random } from '../../../devices-sim/random.ts'
import type { VirtualClock } from '../../../devices-sim/sim-clock.ts'
import { type Gateway, hourMs, lossUsual, minuteMs, type SimDevice, type Site } from './fleet.ts'
import type { Incident, IncidentKind, Truth } from './truth.ts'
import type { World } from './world.ts'

const monthMs = 30 * 24 * hourMs
/** How many in a month, of each device, gateway, site, held connection. */
const perMonth = {
  death: 0.04,
  reboot: 0.2,
  gateway: 1,
  radio: 0.5,
  site: 0.3,
  storm: 0.5,
  drop: 0.3,
  blip: 1,
  takeOver: 1,
}
/** In a storm the network loses this share of reports. */
const stormLoss = [0.05, 0.15] as const
/** Rhythms are learned by then. */
const quietAtStartMs = 36 * hourMs
const quietAtEndMs = 24 * hourMs

export type IncidentOptions = {
  clock: VirtualClock
  sites: Site[]
  truth: Truth
  world: World
  random: Random
  startMs: number
  endMs: number
  /** Incidents of so many times the usual rate: a short run has few otherwise. */
  busy: number
}

/** Puts them on the clock. Troubles of a site and its gateways come one after another, those of single devices at any time. */
export function planIncidents({ clock, sites, truth, world, random, startMs, endMs, busy }: IncidentOptions): void {
  const fromMs = startMs + quietAtStartMs
  const untilMs = endMs - quietAtEndMs

  function each(rate: number, run: (atMs: number) => void): void {
    const meanMs = monthMs / (rate * busy)
    for (let atMs = fromMs + random.exponential(meanMs); atMs < untilMs; atMs += random.exponential(meanMs))
      run(Math.round(atMs))
  }

  function lasting(
    kind: IncidentKind,
    devices: SimDevice[],
    atMs: number,
    ms: number,
    begin: () => void,
    end: () => void,
  ) {
    let incident: Incident
    clock.at(atMs, () => {
      incident = truth.begin(kind, devices, clock.nowMs())
      begin()
    })
    const endsMs = Math.round(atMs + ms)
    clock.at(endsMs, () => {
      truth.end(incident, endsMs)
      end()
    })
  }

  function cutDevices(devices: SimDevice[], by: 1 | -1): void {
    for (const device of devices) device.cuts += by
  }

  function death(device: SimDevice, atMs: number): void {
    const { held } = device
    const isSeen = random.fraction() < 0.5
    const begin = () => {
      device.isDead = true
      if (held !== null) world.cut(held, isSeen)
    }
    const end = () => {
      device.isDead = false
      if (held === null) world.boot(device)
      else world.mend(held)
    }
    lasting('death', [device], atMs, random.between(12, 96) * hourMs, begin, end)
  }

  function gatewayOutage(gateway: Gateway, atMs: number, ms: number): void {
    const { devices } = gateway
    const isSeen = random.fraction() < 0.5
    const begin = () => {
      cutDevices(devices, 1)
      world.cut(gateway, isSeen)
    }
    const end = () => {
      cutDevices(devices, -1)
      world.mend(gateway)
    }
    lasting('gateway', devices, atMs, ms, begin, end)
  }

  function siteOutage({ devices, gateways }: Site, atMs: number, ms: number): void {
    const parties = [...devices.flatMap(({ held }) => held ?? []), ...gateways]
    const begin = () => {
      cutDevices(devices, 1)
      for (const party of parties) world.cut(party, false)
    }
    const end = () => {
      cutDevices(devices, -1)
      for (const party of parties) world.mend(party)
    }
    lasting('site', devices, atMs, ms, begin, end)
  }

  function ofSingles({ devices }: Site): void {
    for (const device of devices) {
      const { held } = device
      let backMs = 0
      each(perMonth.death, (atMs) => {
        if (atMs < backMs) return
        backMs = atMs + 100 * hourMs
        death(device, atMs)
      })
      if (held === null) {
        each(perMonth.reboot, (atMs) => clock.at(atMs, () => world.boot(device)))
        continue
      }
      each(perMonth.takeOver, (atMs) => clock.at(atMs, () => world.takeOver(held)))
      each(perMonth.blip, (atMs) => clock.at(atMs, () => world.drop(held, random.between(10, 140))))
      each(perMonth.drop, (atMs) => {
        const ms = random.between(3_000, 120_000)
        clock.at(atMs, () => {
          if (held.epoch === 0) return
          const incident = truth.begin('drop', [device], clock.nowMs())
          clock.at(clock.nowMs() + ms, () => truth.end(incident, clock.nowMs()))
          world.drop(held, ms)
        })
      })
    }
  }

  function ofSite(site: Site): void {
    const planned: Array<{ atMs: number; ms: number; run: () => void }> = []
    const plan = (atMs: number, ms: number, run: () => void) => planned.push({ atMs, ms, run })
    each(perMonth.site, (atMs) => {
      const ms = random.between(10 * minuteMs, 24 * hourMs)
      plan(atMs, ms, () => siteOutage(site, atMs, ms))
    })
    for (const gateway of site.gateways) {
      const { devices } = gateway
      each(perMonth.gateway, (atMs) => {
        const ms = random.between(5 * minuteMs, 6 * hourMs)
        plan(atMs, ms, () => gatewayOutage(gateway, atMs, ms))
      })
      // Its connection stands, and nothing comes through it.
      each(perMonth.radio, (atMs) => {
        const ms = Math.min(random.between(0.5, 8) * site.intervalMs, 24 * hourMs)
        plan(atMs, ms, () =>
          lasting(
            'radio',
            devices,
            atMs,
            ms,
            () => cutDevices(devices, 1),
            () => cutDevices(devices, -1),
          ),
        )
      })
    }
    let freeMs = 0
    for (const { atMs, ms, run } of planned.sort((a, b) => a.atMs - b.atMs)) {
      if (atMs < freeMs) continue
      // Its devices have come back by then.
      freeMs = atMs + ms + 2 * site.intervalMs + hourMs
      run()
    }
    each(perMonth.storm, (atMs) => {
      const loss = random.between(...stormLoss)
      clock.at(atMs, () => {
        site.loss = loss
      })
      clock.at(Math.round(atMs + random.between(1, 12) * hourMs), () => {
        site.loss = lossUsual
      })
    })
  }

  for (const site of sites) {
    ofSingles(site)
    ofSite(site)
  }
}
