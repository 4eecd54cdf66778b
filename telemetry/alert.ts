/** An alert and what is told of it, as rules make them, notifiers send them, and pages show them. Times: milliseconds since 1970. */
import type { DeviceName, DeviceState } from './device.ts'

export const severities = ['info', 'warning', 'critical'] as const
export type Severity = (typeof severities)[number]

/** When a rule is true for a device. */
export type AlertCondition =
  | { kind: 'state'; states: DeviceState[] }
  /** Beyond one of the two; `clearAbove` or `clearBelow`: where it ends, so that noise around the threshold makes one alert. */
  | { kind: 'threshold'; channel: string; above: number | null; below: number | null; clear: number | null }
  /** By how much a value changes within the time, per that time. */
  | { kind: 'rate'; channel: string; perMs: number; above: number | null; below: number | null; clear: number | null }
  /** received / expected over the time, 0 to 1. */
  | { kind: 'completeness'; overMs: number; below: number; clear: number | null }
  /** No value of the channel ('' any) for so long. */
  | { kind: 'no-data'; channel: string; forMs: number }

export type AlertRule = {
  name: string
  condition: AlertCondition
  /** Filters; '' matches all, `*` stands for anything within. */
  site: string
  device: string
  forMs: number
  severity: Severity
  labels: { [name: string]: string }
  /** In which hours of which days it tells of alerts, UTC; null: always. Days: 0 Sunday to 6. Minutes of the day. */
  schedule: { days: number[]; fromMinute: number; toMinute: number } | null
  /** Names of notifiers. */
  notify: string[]
  /** Not acknowledged for so long: these are told too. */
  escalate: { afterMs: number; notify: string[] } | null
  /** Told again every so long while it lasts; null: once. */
  remindMs: number | null
}

/** What devices may have in common, so that their common silence has one cause. */
export const factors = ['site', 'gateway', 'firmware', 'network', 'ourselves'] as const
export type Factor = (typeof factors)[number]

export type AlertSubject =
  | ({ kind: 'device' } & DeviceName)
  /** `silent` of `of` devices that share it. */
  | { kind: 'group'; factor: Factor; name: string; silent: number; of: number }

export type Suppression = 'maintenance' | 'mute' | 'flapping' | 'group' | 'schedule'

export type Alert = {
  /** The same over a restart and for all that is told of it; fit for a URL. */
  id: string
  rule: string
  severity: Severity
  labels: { [name: string]: string }
  subject: AlertSubject
  /** pending: the condition is true, not yet for long enough. */
  state: 'pending' | 'firing' | 'resolved'
  /** One line for a phone. */
  title: string
  /** One line that says how it is known. */
  why: string
  value: number | null
  unit: string
  /** Channel of the value, '' when it is about none: for the chart. */
  channel: string
  beganAtMs: number
  firedAtMs: number | null
  resolvedAtMs: number | null
  acknowledged: { by: string; atMs: number; note: string } | null
  mutedUntilMs: number | null
  /** Nobody was told, and why; null: they were. */
  suppressed: Suppression | null
  /** Those it is about, at most alertDevicesMax by name. */
  devices: DeviceName[]
}

/** Which alerts a question is about; left out: all. */
export type AlertFilter = {
  states?: ReadonlyArray<Alert['state']>
  site?: string
  device?: string
  rule?: string
  severity?: Severity
  /** true: only those of which nobody was told; false: only the others. */
  isSuppressed?: boolean
  max?: number
}

export type NotificationKind = 'fired' | 'resolved' | 'escalated' | 'reminder' | 'test'

/** In order of time. `threshold` in the unit of the values; null: a rule without one. */
export type AlertChart = {
  unit: string
  threshold: number | null
  points: Array<readonly [timeMs: number, value: number]>
}

/** One thing to tell; a notifier makes it a request, a mail, a message. */
export type Notification = {
  kind: NotificationKind
  alert: Alert
  atMs: number
  /** The last hours of the alert's channel, for a small picture; null: there is nothing to draw. */
  chart: AlertChart | null
}

/** Who did what: acknowledged, muted, changed a maintenance window. */
export type AuditEntry = {
  atMs: number
  by: string
  action: 'acknowledge' | 'mute' | 'unmute' | 'maintenance' | 'test'
  on: string
  detail: string
}

/** Devices that are worked on: nobody is told of their alerts meanwhile. */
export type Maintenance = {
  id: string
  site: string
  device: string
  fromMs: number
  toMs: number
  by: string
  note: string
}

/** `smtp://user:password@host:port`, secrets from the environment; each with its own kind of content. */
export type NotifierConfig = { name: string } & (
  | { type: 'webhook'; url: string; format: 'generic' | 'slack' | 'discord' | 'teams' | 'ntfy'; secret: string | null }
  | { type: 'smtp'; url: string; from: string; to: string[] }
  | { type: 'mqtt'; topic: string }
  | { type: 'web-push'; contact: string }
) & {
    /** At most so many in a minute; the rest waits, and becomes one digest when there is much of it. */
    perMinuteMax: number
    /** Templates with {title}, {why}, {severity}, {value}, {unit}, {site}, {device}, {rule}, {since}, {url}; '' takes the usual. */
    title: string
    text: string
  }

export type AlertsConfig = {
  rules: AlertRule[]
  notifiers: NotifierConfig[]
  /** Where the page is reached from outside, for links and actions; '' when nobody has said. */
  publicUrl: string
  maintenance: Array<Omit<Maintenance, 'id' | 'by'>>
}

/** How the alerts engine hands over what is to be told. Never throws, never waits. */
export type Notify = (notifier: string, notification: Notification) => void
