/** One rule and what it is true for, from the moment it became true until it is over: what an Alert is a view of. */
import { createHash } from 'node:crypto'
import type { Alert, AlertRule, AlertSubject, Factor, Suppression } from '../../telemetry/alert.ts'
import type { DeviceName, DeviceState } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import { titleOf } from './texts.ts'

/** What was seen that makes a condition true; `deviceState`: '' where it is about none. */
export type Evidence = {
  why: string
  value: number | null
  unit: string
  channel: string
  deviceState: DeviceState | ''
}

export type Case = Evidence & {
  /** Of rule and subject: at a time there is only one. */
  key: string
  id: string
  rule: string
  subject: AlertSubject
  beganAtMs: number
  /** Null: not for long enough yet. */
  firedAtMs: number | null
  resolvedAtMs: number | null
  /** False only while it is damped: the condition comes and goes, the alert stays. */
  holds: boolean
  flapping: { fires: number } | null
  /** How often the device means to report, ms; 0: not known. */
  intervalMs: number
  /** Its connection broke, and was seen to. */
  isCut: boolean
  /** When it was first to be told, and it was looked for whether it belongs to a wave. */
  heldSinceMs: number | null
  /** When it was first seen to belong to a wave. */
  waveSinceMs: number | null
  suppressed: Suppression | null
  /** Notifiers that were told. */
  told: string[]
  isTold: boolean
  acknowledged: Alert['acknowledged']
  /** Of the group that tells of this one too. */
  groupKey: string | null
  /** Of a group: keys of the cases it tells of, the most there have been, and names. */
  members: Set<string>
  membersMost: number
  devices: DeviceName[]
}

export type SavedCase = Omit<Case, 'members'> & { members: string[] }

export const deviceCaseKey = (rule: string, { site, device }: DeviceName): string =>
  JSON.stringify([rule, 'device', site, device])
export const groupCaseKey = (rule: string, factor: Factor, name: string): string =>
  JSON.stringify([rule, 'group', factor, name])

/** Of a key of deviceCaseKey(). */
export function partsOf(key: string): { rule: string; name: DeviceName } {
  const [rule, , site, device] = JSON.parse(key) as [string, string, string, string]
  return { rule, name: { site, device } }
}

export const deviceOf = (subject: AlertSubject): DeviceName | null =>
  subject.kind === 'device' ? { site: subject.site, device: subject.device } : null

export const createCase = (
  key: string,
  rule: string,
  subject: AlertSubject,
  beganAtMs: number,
  evidence: Evidence,
): Case => ({
  ...evidence,
  key,
  id: createHash('sha256').update(`${key}${beganAtMs}`).digest('base64url').slice(0, 22),
  rule,
  subject,
  beganAtMs,
  firedAtMs: null,
  resolvedAtMs: null,
  holds: true,
  flapping: null,
  intervalMs: 0,
  isCut: false,
  heldSinceMs: null,
  waveSinceMs: null,
  suppressed: null,
  told: [],
  isTold: false,
  acknowledged: null,
  groupKey: null,
  members: new Set(),
  membersMost: 0,
  devices: subject.kind === 'device' ? [{ site: subject.site, device: subject.device }] : [],
})

export function toAlert(it: Case, rule: AlertRule, mutedUntilMs: number | null): Alert {
  const { id, subject, why, value, unit, channel, beganAtMs, firedAtMs, resolvedAtMs, acknowledged, suppressed } = it
  return {
    id,
    rule: rule.name,
    severity: rule.severity,
    labels: rule.labels,
    subject: { ...subject },
    state: resolvedAtMs !== null ? 'resolved' : firedAtMs !== null ? 'firing' : 'pending',
    title: titleOf(it, rule.condition),
    why,
    value,
    unit,
    channel,
    beganAtMs,
    firedAtMs,
    resolvedAtMs,
    acknowledged,
    mutedUntilMs,
    suppressed,
    devices: it.devices.slice(0, limits.alertDevicesMax),
  }
}
