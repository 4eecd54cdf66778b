/** The health of all devices, from what their reports say; saved and restored as JSON, told to the store once an hour. */
import type { CellName } from '../../telemetry/cells.ts'
import { type DeviceName, deviceKey } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import { createSeries, type Point } from '../../telemetry/point.ts'
import { deviceTag, type HealthField, healthMeasurement, siteTag } from '../../telemetry/schema.ts'
import { batteryView } from './battery.ts'
import { driftPpm } from './clock.ts'
import { createDeviceHealth, type DeviceHealth, percentOf, type Told, takeTold } from './device-health.ts'
import { type Finding, findingsOf } from './findings.ts'
import { rebootsADay } from './reboots.ts'

export type HealthOptions = {
  /** Of save(); null: nothing is known. */
  saved: DeviceHealth[] | null
  /** Which cell feeds the device, where somebody said so. */
  cellOf: (name: DeviceName) => CellName | null
}

export type Health = {
  /** In the order of receipt. */
  take(name: DeviceName, told: Told): void
  /** Null: nothing is known of the device. */
  findings(name: DeviceName, nowMs: number): Finding[] | null
  /** Of devices that reported in an hour for the first time since the last call: one for each field, at the time of that report. */
  pointsOf(): Point[]
  /** Devices that were not taken, since there are more than limits.healthDevicesMax: reports of them. */
  notRemembered(): number
  save(): DeviceHealth[]
}

const hourMs = 3_600_000

export function createHealth({ saved, cellOf }: HealthOptions): Health {
  const devices = new Map((saved ?? []).map((health) => [deviceKey(health), health]))
  const untold = new Map<string, { health: DeviceHealth; atMs: number }>()
  let refused = 0

  function healthOf(name: DeviceName, atMs: number): DeviceHealth | null {
    const key = deviceKey(name)
    const known = devices.get(key)
    if (known !== undefined && Math.floor(known.atMs / hourMs) >= Math.floor(atMs / hourMs)) return known
    if (known === undefined && devices.size >= limits.healthDevicesMax) return null
    const health = known ?? createDeviceHealth(name, atMs)
    devices.set(key, health)
    untold.set(key, { health, atMs })
    return health
  }

  return {
    take(name, told) {
      const health = healthOf(name, told.atMs)
      if (health === null) refused++
      else takeTold(health, told, health.battery === null ? cellOf(name) : null)
    },
    findings(name, nowMs) {
      const health = devices.get(deviceKey(name))
      return health === undefined ? null : findingsOf(health, nowMs)
    },
    pointsOf() {
      const points = [...untold.values()].flatMap(({ health, atMs }) => pointsOfDevice(health, atMs))
      untold.clear()
      return points
    },
    notRemembered: () => refused,
    save: () => [...devices.values()],
  }
}

function pointsOfDevice(health: DeviceHealth, atMs: number): Point[] {
  const tags = [[siteTag, health.site] as const, [deviceTag, health.device] as const].filter(
    ([, value]) => value !== '',
  )
  const battery = health.battery === null ? null : batteryView(health.battery)
  const isWrong = findingsOf(health, atMs).filter(({ what }) => what === 'stuck' || what === 'impossible')
  const fields: { [field in HealthField]: number | null } = {
    battery_percent: percentOf(health),
    battery_days_left: battery?.daysLeft?.likely ?? null,
    signal_dbm: health.rssi?.mean ?? null,
    reboots_day: health.reboots === null ? null : rebootsADay(health.reboots, atMs),
    clock_error_ms: health.clock?.errorMs ?? null,
    clock_drift_ppm: health.clock === null ? null : driftPpm(health.clock),
    channels_wrong: isWrong.length,
  }
  return Object.entries(fields).flatMap(([field, value]) =>
    value === null
      ? []
      : [
          {
            series: createSeries(healthMeasurement, tags, field),
            timeNs: BigInt(Math.round(atMs)) * 1_000_000n,
            value,
            position: -1,
          },
        ],
  )
}
