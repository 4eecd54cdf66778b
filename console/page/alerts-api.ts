/** Alerts, notifiers and timelines, typed, and how to ask for them. */
import { getJson, getJsonOrNone, postJson } from './api.ts'

export type Alert = {
  id: string
  rule: string
  severity: 'info' | 'warning' | 'critical'
  state: 'pending' | 'firing' | 'resolved'
  title: string
  why: string
  beganAt: string
  resolvedAt: string | null
  acknowledged: { by: string; at: string; note: string } | null
  mutedUntil: string | null
  /** Why nobody was told; null: they were. */
  suppressed: string | null
  devices: Array<{ site: string; device: string }>
}
export type Audit = { at: string; by: string; action: string; on: string; detail: string }
export type NotifierStatus = {
  name: string
  type: string
  queued: number
  sent: number
  failed: number
  lastError: string | null
}
export type StateSince = { time: string; state: string }

const alertsMax = 500
const auditMax = 50
const path = (...parts: string[]) => `/api/${parts.map(encodeURIComponent).join('/')}`

/** Null: not known yet. */
export const getAlerts = () => getJsonOrNone<Alert[]>(`/api/alerts?limit=${alertsMax}`)
export const acknowledge = (id: string) => postJson<Alert>(path('alerts', id, 'acknowledge'), {})
export const mute = (id: string, duration: string) => postJson<Alert>(path('alerts', id, 'mute'), { for: duration })
export const unmute = (id: string) => postJson<Alert>(path('alerts', id, 'unmute'), {})
export const getAudit = () => getJson<Audit[]>(`/api/audit?limit=${auditMax}`)
export const getNotifiers = () => getJson<NotifierStatus[]>('/api/notifiers')
export const testNotifier = (name: string) =>
  postJson<{ ok: boolean; detail: string }>(path('notifiers', name, 'test'), {})
export const getPushKey = () => getJson<{ key: string }>('/api/push/key')
export const subscribe = (subscription: PushSubscription) =>
  postJson<object>('/api/push/subscription', subscription.toJSON())

export function getTimeline(site: string, device: string, fromMs: number, toMs: number): Promise<StateSince[]> {
  const range = new URLSearchParams({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() })
  return getJson(`${path('devices', site, device, 'timeline')}?${range}`)
}
