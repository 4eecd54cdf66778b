/** Alerts and notifiers as tests of the console ask for them: in memory, and everything that is asked is kept. */
import type { Alert, AuditEntry, Maintenance } from '../telemetry/alert.ts'
import type { Alerting } from './alerting.ts'

export const atMs = Date.UTC(2026, 10, 24, 14, 2)

export const alertOf = (id: string, more: Partial<Alert> = {}): Alert => ({
  id,
  rule: 'offline',
  severity: 'critical',
  labels: {},
  subject: { kind: 'device', site: 'north', device: `gauge-${id}` },
  state: 'firing',
  title: `gauge-${id} is offline`,
  why: 'no report since 14:02, expected every 10 min',
  value: null,
  unit: '',
  channel: '',
  beganAtMs: atMs,
  firedAtMs: atMs,
  resolvedAtMs: null,
  acknowledged: null,
  mutedUntilMs: null,
  suppressed: null,
  devices: [{ site: 'north', device: `gauge-${id}` }],
  ...more,
})

export function createAlertingFake(given: Alert[]) {
  const alerts = new Map(given.map((it) => [it.id, it]))
  const audit: AuditEntry[] = []
  const windows: Maintenance[] = []
  const asked: unknown[][] = []
  const change = (id: string, by: string, action: AuditEntry['action'], more: Partial<Alert>) => {
    const known = alerts.get(id)
    if (known === undefined || known.state === 'resolved') return null
    const changed = { ...known, ...more }
    alerts.set(id, changed)
    audit.unshift({ atMs, by, action, on: id, detail: '' })
    return changed
  }
  const alerting: Alerting = {
    alerts: {
      list(filter = {}) {
        asked.push(['list', filter])
        return [...alerts.values()].filter((it) => filter.states?.includes(it.state) ?? true).slice(0, filter.max)
      },
      acknowledge: (id, by, note) => change(id, by, 'acknowledge', { acknowledged: { by, atMs, note } }),
      mute(id, by, untilMs) {
        asked.push(['mute', untilMs - Date.now()])
        return change(id, by, 'mute', { mutedUntilMs: untilMs, suppressed: 'mute' })
      },
      unmute: (id, by) => change(id, by, 'unmute', { mutedUntilMs: null, suppressed: null }),
      maintenance: {
        add(window) {
          const made = { id: `w${windows.length}`, ...window }
          windows.push(made)
          return made
        },
        end: (id) => windows.find((it) => it.id === id) ?? null,
        list: () => windows,
      },
      audit: () => audit,
    },
    notifiers: {
      status: () => [
        { name: 'ops', type: 'webhook', queued: 2, sent: 7, failed: 1, dropped: 0, lastError: 'the receiver said 500' },
      ],
      async test(name) {
        asked.push(['test', name])
        return { ok: true, detail: 'sent' }
      },
      actionLinks: {
        verify(token) {
          const [alert = '', action] = token.split('.')
          if (action !== 'mute' && action !== 'acknowledge')
            return { code: 'bad_payload', detail: 'the link is not one of ours' }
          return { alert, action, by: 'ops' }
        },
      },
      vapidPublicKey: 'BKey',
      async subscribePush(subscription) {
        asked.push(['subscribe', subscription])
        const isGood = (subscription as { endpoint: string }).endpoint.startsWith('https:')
        return isGood ? null : { code: 'request_invalid', detail: 'a push service was wanted' }
      },
      removePush: async (endpoint) => endpoint === 'https://push.example/1',
    },
  }
  return { alerting, alerts, audit, asked }
}
