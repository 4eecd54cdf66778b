/** What is known of one device's health; each value costs the same, and what is kept is bounded. */
import type { CellName } from '../../telemetry/cells.ts'
import type { DeviceName } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import type { SightedValue } from '../../telemetry/sighting.ts'
import { type Battery, batteryPercent, createBattery, takeVolts } from './battery.ts'
import { type DeviceClock, takeClock } from './clock.ts'
import { createReboots, type Reboots, takeBoot } from './reboots.ts'
import { healthValue } from './roles.ts'
import { type Signal, takeSignal } from './signal.ts'
import { createWatched, type Watched, watch } from './stuck.ts'

/** Saved as it is. Times: milliseconds since 1970, of the receipt. */
export type DeviceHealth = DeviceName & {
  atMs: number
  battery: Battery | null
  /** What the device says itself, %. */
  percentTold: number | null
  lowSinceMs: number | null
  celsius: number | null
  rssi: Signal | null
  snr: Signal | null
  reboots: Reboots | null
  clock: DeviceClock | null
  clockOffSinceMs: number | null
  channels: Array<[channel: string, watched: Watched]>
}

export const lowPercent = 15
export const clockOffMs = 60_000

export const createDeviceHealth = ({ site, device }: DeviceName, atMs: number): DeviceHealth => ({
  site,
  device,
  atMs,
  battery: null,
  percentTold: null,
  lowSinceMs: null,
  celsius: null,
  rssi: null,
  snr: null,
  reboots: null,
  clock: null,
  clockOffSinceMs: null,
  channels: [],
})

/** Null: neither the device nor its voltage tells. */
export const percentOf = ({ percentTold, battery }: DeviceHealth): number | null =>
  percentTold ?? (battery === null ? null : batteryPercent(battery))

export type Told = { values: readonly SightedValue[]; boot: number | null; clockErrorMs: number | null; atMs: number }

/** In the order of receipt. */
export function takeTold(
  health: DeviceHealth,
  { values, boot, clockErrorMs, atMs }: Told,
  cell: CellName | null,
): void {
  health.atMs = atMs
  for (const { channel, unit, value } of values)
    if (typeof value === 'number') takeValue(health, channel, unit, value, cell)
  if (boot !== null) {
    health.reboots ??= createReboots(boot)
    takeBoot(health.reboots, boot, atMs)
  }
  if (clockErrorMs !== null) {
    health.clock = takeClock(health.clock, clockErrorMs, atMs)
    health.clockOffSinceMs = Math.abs(clockErrorMs) < clockOffMs ? null : (health.clockOffSinceMs ?? atMs)
  }
}

function takeValue(health: DeviceHealth, channel: string, unit: string, value: number, cell: CellName | null): void {
  const { atMs } = health
  const watched = watchedOf(health, channel, unit, value)
  // A sensor that is broken says nothing of the battery.
  if (!Number.isFinite(value) || watched?.impossible) return
  const told = healthValue(channel, unit, value)
  if (told === null) return
  if (told.role === 'celsius') health.celsius = told.value
  else if (told.role === 'rssi') health.rssi = takeSignal(health.rssi, 'rssi', told.value, atMs)
  else if (told.role === 'snr') health.snr = takeSignal(health.snr, 'snr', told.value, atMs)
  else {
    if (told.role === 'percent') health.percentTold = told.value
    else {
      health.battery ??= createBattery(told.value, cell, atMs)
      if (health.battery !== null) takeVolts(health.battery, told.value, health.celsius, atMs)
    }
    const percent = percentOf(health)
    health.lowSinceMs = percent === null || percent >= lowPercent ? null : (health.lowSinceMs ?? atMs)
  }
}

function watchedOf(health: DeviceHealth, channel: string, unit: string, value: number): Watched | null {
  const { channels, atMs } = health
  const known = channels.find(([name]) => name === channel)?.[1]
  if (known !== undefined) {
    watch(known, value, unit, atMs)
    return known
  }
  const watched = createWatched(value, unit, atMs)
  if (channels.length < limits.healthChannelsMax) channels.push([channel, watched])
  return watched
}
