/** An engine over a small world of devices, with everything it told kept: for its tests. */
import { pino } from 'pino'
import type { Alert, AlertCondition, AlertRule, AlertsConfig, Factor, Notification } from '../../telemetry/alert.ts'
import { createCounters } from '../../telemetry/counters.ts'
import type { DeviceName, DeviceState } from '../../telemetry/device.ts'
import { createAlertsEngine, type Saved } from './engine.ts'

export const t0 = Date.UTC(2026, 0, 5)
export const minute = 60_000
export const hour = 60 * minute

export const ruleOf = (condition: AlertCondition, more: Partial<AlertRule> = {}): AlertRule => ({
  name: 'rule',
  condition,
  site: '',
  device: '',
  forMs: 0,
  severity: 'warning',
  labels: {},
  schedule: null,
  notify: ['ops'],
  escalate: null,
  remindMs: null,
  ...more,
})
export const offlineRule = (more: Partial<AlertRule> = {}): AlertRule =>
  ruleOf({ kind: 'state', states: ['offline', 'lost'] }, more)

export type Told = { to: string; atMs: number; kind: Notification['kind']; alert: Alert }
export type World = ReturnType<typeof createWorld>

type More = { isAlerting?: boolean; intervalMs?: number; isCut?: boolean }

/** `devices`: factors by `site/device`; a site is a factor by itself. */
export function createWorld(
  rules: AlertRule[],
  devices: { [key: string]: Array<[Factor, string]> } = {},
  maintenance: AlertsConfig['maintenance'] = [],
) {
  const told: Told[] = []
  const changes: Alert[] = []
  const counters = createCounters()
  const factorsOf = ({ site, device }: DeviceName): Array<[Factor, string]> => [
    ['site', site],
    ...(devices[`${site}/${device}`] ?? []),
    ['ourselves', ''],
  ]
  const sizes = new Map<string, number>()
  for (const key of Object.keys(devices)) {
    const [site = '', device = ''] = key.split('/')
    for (const factor of factorsOf({ site, device }))
      sizes.set(factor.join('/'), (sizes.get(factor.join('/')) ?? 0) + 1)
  }
  const create = (saved: Saved | null, theRules = rules) =>
    createAlertsEngine({
      config: { rules: theRules, notifiers: [], maintenance },
      saved,
      notify: (to, { kind, alert, atMs }) => told.push({ to, atMs, kind, alert: structuredClone(alert) }),
      onAlert: (alert) => changes.push(structuredClone(alert)),
      factorsOf,
      membersOf: (factor, name) => ({ of: sizes.get(`${factor}/${name}`) ?? 0 }),
      counters,
      log: pino({ enabled: false }),
    })
  const world = {
    told,
    changes,
    counters,
    engine: create(null),
    /** As a kill and a start: through JSON. */
    restart(theRules = rules) {
      world.engine = create(JSON.parse(JSON.stringify(world.engine.save())) as Saved, theRules)
    },
    state(key: string, state: DeviceState, atMs: number, more: More = {}) {
      const [site = '', device = ''] = key.split('/')
      const isAlerting = more.isAlerting ?? (state === 'offline' || state === 'lost')
      const dueMs = more.intervalMs === undefined ? null : atMs + more.intervalMs
      const status = { site, device, state, why: `it is ${state}`, sinceMs: atMs, lastSeenMs: atMs, dueMs, isAlerting }
      world.engine.changed({ ...status, atUs: atMs * 1000, isCut: more.isCut ?? false })
    },
    value(key: string, channel: string, value: number | boolean | string, atMs: number, timeMs = atMs) {
      const [site = '', device = ''] = key.split('/')
      world.engine.values({ site, device }, [{ channel, unit: 'V', value, timeMs }], atMs)
    },
    /** What was told since it was last asked. */
    heard: () => told.splice(0).map(({ to, atMs, kind, alert }) => `${to} ${kind} +${atMs - t0}: ${alert.title}`),
    standing: () => world.engine.list({ states: ['firing'] }),
  }
  return world
}
