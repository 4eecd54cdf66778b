/** Notifications and a log for tests. */
import pino from 'pino'
import type { Alert, Notification, NotificationKind } from '../../telemetry/alert.ts'
import type { Parcel } from './parcel.ts'

export const atMs = Date.UTC(2026, 10, 24, 14, 2)

export const alertOf = (more: Partial<Alert> = {}): Alert => ({
  id: 'a1',
  rule: 'offline',
  severity: 'critical',
  labels: { team: 'field' },
  subject: { kind: 'device', site: 'north', device: 'well-3' },
  state: 'firing',
  title: 'well-3 is offline',
  why: 'no report since 13:32, expected every 10 min, 3 missed',
  value: 2.31,
  unit: 'V',
  channel: 'battery',
  beganAtMs: atMs - 60_000,
  firedAtMs: atMs,
  resolvedAtMs: null,
  acknowledged: null,
  mutedUntilMs: null,
  suppressed: null,
  devices: [{ site: 'north', device: 'well-3' }],
  ...more,
})

export const notificationOf = (
  kind: NotificationKind = 'fired',
  more: Partial<Alert> = {},
  chart: Notification['chart'] = null,
): Notification => ({
  kind,
  atMs,
  chart,
  alert: alertOf({
    ...(kind === 'resolved' ? { state: 'resolved', resolvedAtMs: atMs + 600_000 } : {}),
    ...more,
  }),
})

export const chartFake: Notification['chart'] = {
  unit: 'V',
  threshold: 2.4,
  points: Array.from({ length: 120 }, (_, index) => [atMs - (120 - index) * 60_000, 2.3 + Math.sin(index / 10) / 5]),
}

export const parcelOf = (...notifications: Notification[]): Parcel => ({
  told: notifications.map((notification) => ({ notification, isWhole: false })),
  dropped: 0,
  reason: 'many',
})

/** A log whose lines are kept. */
export function keptLog() {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  return { log, lines }
}
