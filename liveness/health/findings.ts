/** What an operator should know of a device's health; docs/health.md tells what to do about each. */
import type { Severity } from '../../telemetry/alert.ts'
import { batteryView } from './battery.ts'
import { driftPpm } from './clock.ts'
import { type DeviceHealth, lowPercent, percentOf } from './device-health.ts'
import { isLooping, rebootsADay } from './reboots.ts'
import type { Signal } from './signal.ts'
import { isStuck } from './stuck.ts'

/** `value` in `unit`; `channel`: '' when it is about none. */
export type Finding = {
  what: 'battery_low' | 'battery_replaced' | 'signal' | 'reboots' | 'clock' | 'stuck' | 'impossible'
  severity: Severity
  why: string
  value: number
  unit: string
  channel: string
  sinceMs: number
}

const criticalPercent = 5
/** A new battery is told of for so long. */
const replacedToldMs = 7 * 86_400_000
const rebootsMax = 3
const clockCriticalMs = 3_600_000

/** `nowMs`: by the journal's clock. */
export function findingsOf(health: DeviceHealth, nowMs: number): Finding[] {
  return [
    ...batteryFindings(health, nowMs),
    ...signalFindings(health.rssi, 'RSSI', 'dBm'),
    ...signalFindings(health.snr, 'SNR', 'dB'),
    ...rebootFindings(health, nowMs),
    ...clockFindings(health),
    ...valueFindings(health),
  ]
}

function batteryFindings(health: DeviceHealth, nowMs: number): Finding[] {
  const { battery, lowSinceMs } = health
  const found: Finding[] = []
  const percent = percentOf(health)
  if (percent !== null && lowSinceMs !== null && percent < lowPercent) {
    const severity = percent < criticalPercent ? 'critical' : 'warning'
    const why = `${Math.round(percent)} % left${battery === null ? '' : voltsLine(battery.volts, battery)}`
    found.push({ what: 'battery_low', severity, why, value: percent, unit: '%', channel: '', sinceMs: lowSinceMs })
  }
  const replacedAtMs = battery?.replacedAtMs ?? null
  if (battery !== null && replacedAtMs !== null && nowMs - replacedAtMs < replacedToldMs) {
    const why = `its voltage stepped up to ${battery.volts.toFixed(2)} V and stayed there`
    const value = battery.volts
    found.push({
      what: 'battery_replaced',
      severity: 'info',
      why,
      value,
      unit: 'V',
      channel: '',
      sinceMs: replacedAtMs,
    })
  }
  return found
}

function voltsLine(volts: number, battery: NonNullable<DeviceHealth['battery']>): string {
  const { title, daysLeft } = batteryView(battery)
  const by = battery.isConfigured ? '' : ', by its voltage'
  const days =
    daysLeft === null ? 'days left unknown' : `${Math.floor(daysLeft.from)} to ${Math.ceil(daysLeft.to)} days`
  return ` at ${volts.toFixed(2)} V (${title}${by}), ${days}`
}

function signalFindings(signal: Signal | null, name: string, unit: string): Finding[] {
  if (signal === null || signal.grade === 'good') return []
  const { grade, mean, sinceMs } = signal
  const value = Math.round(mean * 10) / 10
  const severity = grade === 'bad' ? 'warning' : 'info'
  return [{ what: 'signal', severity, why: `${grade}: ${name} ${value} ${unit}`, value, unit, channel: '', sinceMs }]
}

function rebootFindings({ reboots }: DeviceHealth, nowMs: number): Finding[] {
  const value = reboots === null ? 0 : rebootsADay(reboots, nowMs)
  if (reboots === null || value < rebootsMax) return []
  const isLoop = isLooping(reboots, nowMs)
  const why = `started ${value} times in 24 hours${isLoop ? ', again and again within the last' : ''}`
  const sinceMs = reboots.atMs.at(-value) as number
  return [{ what: 'reboots', severity: isLoop ? 'critical' : 'warning', why, value, unit: '', channel: '', sinceMs }]
}

function clockFindings({ clock, clockOffSinceMs }: DeviceHealth): Finding[] {
  if (clock === null || clockOffSinceMs === null) return []
  const value = clock.errorMs
  const drift = driftPpm(clock)
  const why = `its clock is off by ${Math.round(value / 1000)} s${drift === null ? '' : `, drift ${Math.round(drift)} ppm`}`
  const severity = Math.abs(value) >= clockCriticalMs ? 'critical' : 'warning'
  return [{ what: 'clock', severity, why, value, unit: 'ms', channel: '', sinceMs: clockOffSinceMs }]
}

function valueFindings({ channels, atMs }: DeviceHealth): Finding[] {
  const found: Finding[] = []
  for (const [channel, watched] of channels) {
    const { value, impossible, sinceMs, impossibleSinceMs } = watched
    const about = { value, unit: '', channel }
    if (impossible !== null) {
      const why = `${channel} ${value}: ${impossible}`
      found.push({ what: 'impossible', severity: 'warning', why, ...about, sinceMs: impossibleSinceMs })
    } else if (isStuck(watched, atMs)) {
      const why = `${channel} is ${value} since ${new Date(sinceMs).toISOString()}, it never stayed so long before`
      found.push({ what: 'stuck', severity: 'warning', why, ...about, sinceMs })
    }
  }
  return found
}
