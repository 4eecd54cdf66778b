/** What the page shows of a device: its state from liveness, its last values from the store and from what just arrived. */
import { type DeviceStatus, deviceKey } from '../telemetry/device.ts'
import type { LatestReading } from '../telemetry/query.ts'
import type { DeviceReading, Value } from '../telemetry/reading.ts'

export type LatestValue = { time: string; value: Value; unit: string }
/** One element of /api/devices. Times: ISO 8601. */
export type DeviceView = {
  device: string
  site: string
  state: string
  since: string
  lastSeen: string
  why: string
  /** Its alert stands: offline, and not by its own wish. */
  alert: boolean
  latest: { [channel: string]: LatestValue }
}

export type Fleet = {
  update(readings: DeviceReading[]): void
  view(): Promise<DeviceView[]>
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
    async view() {
      if (!isSeeded) await seed()
      const views = new Map<string, DeviceView>()
      for (const status of statuses()) {
        const key = deviceKey(status)
        const { device, site, state, sinceMs, lastSeenMs, why, isAlerting: alert } = status
        views.set(key, {
          device,
          site,
          state,
          since: iso(sinceMs),
          lastSeen: iso(lastSeenMs),
          alert,
          why,
          latest: latestOf(key),
        })
      }
      for (const [key, channels] of latest) {
        if (views.has(key)) continue
        const [reading] = [...channels.values()].toSorted((a, b) => b.timeMs - a.timeMs) as [DeviceReading]
        const time = iso(reading.timeMs)
        const why = 'known from the store, not seen by this Dewpoint'
        const { device, site } = reading
        views.set(key, {
          device,
          site,
          state: 'offline',
          since: time,
          lastSeen: time,
          alert: false,
          why,
          latest: latestOf(key),
        })
      }
      return [...views.values()].toSorted((a, b) => (a.site + a.device < b.site + b.device ? -1 : 1))
    },
  }
}
