/** What the page shows of a device: its state from liveness, its last values from the store and from what just arrived. */
import { type DeviceName, type DeviceStatus, deviceKey } from '../telemetry/device.ts'
import type { LatestReading } from '../telemetry/query.ts'
import type { DeviceReading, Value } from '../telemetry/reading.ts'

export type LatestValue = { time: string; value: Value; unit: string }
/** One element of /api/devices. Times: ISO 8601. */
export type DeviceView = {
  device: string
  site: string
  state: string
  since: string
  /** Null: never. */
  lastSeen: string | null
  /** When its next report is due, or it means to wake; null: nobody knows. */
  due: string | null
  why: string
  /** Its alert stands: offline, and not by its own wish. */
  alert: boolean
  latest: { [channel: string]: LatestValue }
}

/** Left out: all. `after`: the key (deviceKey) of the last one of the page before. */
export type DeviceFilter = { states?: string[]; site?: string; alert?: boolean; after?: string; limit: number }

export type Fleet = {
  update(readings: DeviceReading[]): void
  /** Those that pass, by site and name. `total`: how many pass; `counts`: of all devices, by state. */
  view(filter: DeviceFilter): Promise<{ devices: DeviceView[]; counts: { [state: string]: number }; total: number }>
}

const iso = (ms: number) => new Date(ms).toISOString()

export function createFleet(
  statuses: () => DeviceStatus[],
  storedLatest: () => Promise<LatestReading[]>,
  unitOf: (channel: string) => string,
): Fleet {
  const latest = new Map<string, Map<string, DeviceReading>>()
  let isSeeded = false

  function update(readings: DeviceReading[]): void {
    for (const reading of readings) {
      const key = deviceKey(reading)
      const channels = latest.get(key) ?? new Map<string, DeviceReading>()
      const known = channels.get(reading.channel)
      // Latest by its own time: a late reading does not push a newer one aside.
      if (known === undefined || reading.timeMs >= known.timeMs) channels.set(reading.channel, reading)
      latest.set(key, channels)
    }
  }

  /** Once, as soon as the store answers; without it the page shows what arrived since the start. */
  async function seed(): Promise<void> {
    const stored = await storedLatest().catch(() => null)
    if (stored === null || isSeeded) return
    isSeeded = true
    // What has just come is as new as what is stored of it, and knows its unit where only the payload tells it.
    const arrived = [...latest.values()].flatMap((channels) => [...channels.values()])
    update(stored.map((reading) => ({ ...reading, unit: unitOf(reading.channel) })))
    update(arrived)
  }

  function latestOf(key: string): DeviceView['latest'] {
    const channels = [...(latest.get(key)?.values() ?? [])].toSorted((a, b) => (a.channel < b.channel ? -1 : 1))
    return Object.fromEntries(
      channels.map(({ channel, timeMs, value, unit }) => [channel, { time: iso(timeMs), value, unit }]),
    )
  }

  return {
    update,
    async view({ states, site, alert, after = '', limit }) {
      if (!isSeeded) await seed()
      const chosen = new Map<string, () => DeviceView>()
      const counts: { [state: string]: number } = {}
      const add = (key: string, state: string, isAlerting: boolean, name: DeviceName, make: () => DeviceView) => {
        counts[state] = (counts[state] ?? 0) + 1
        const isOf = (states?.includes(state) ?? true) && (site ?? name.site) === name.site
        if (isOf && (alert ?? isAlerting) === isAlerting) chosen.set(key, make)
      }
      const seen = new Set<string>()
      for (const status of statuses()) {
        const key = deviceKey(status)
        // The store outlives what liveness knows.
        if (status.state === 'never-seen' && latest.has(key)) continue
        seen.add(key)
        add(key, status.state, status.isAlerting, status, () => viewOf(status, latestOf(key)))
      }
      for (const [key, channels] of latest) {
        const [reading] = channels.values()
        if (seen.has(key) || reading === undefined) continue
        add(key, 'offline', false, reading, () => storedView([...channels.values()], latestOf(key)))
      }
      // Only those that are shown are put together: there may be very many.
      const keys = [...chosen.keys()].filter((key) => key > after).sort()
      const devices = keys.slice(0, limit).map((key) => (chosen.get(key) as () => DeviceView)())
      return { devices, counts, total: chosen.size }
    },
  }
}

function viewOf(status: DeviceStatus, latest: DeviceView['latest']): DeviceView {
  const { device, site, state, sinceMs, lastSeenMs, dueMs, why, isAlerting: alert } = status
  const lastSeen = lastSeenMs === 0 ? null : iso(lastSeenMs)
  return {
    device,
    site,
    state,
    since: iso(sinceMs),
    lastSeen,
    due: dueMs === null ? null : iso(dueMs),
    alert,
    why,
    latest,
  }
}

function storedView(readings: DeviceReading[], latest: DeviceView['latest']): DeviceView {
  const [newest] = readings.toSorted((a, b) => b.timeMs - a.timeMs) as [DeviceReading]
  const { device, site } = newest
  const time = iso(newest.timeMs)
  const why = 'known from the store, not seen by this Dewpoint'
  return { device, site, state: 'offline', since: time, lastSeen: time, due: null, alert: false, why, latest }
}
