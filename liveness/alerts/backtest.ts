/** Rules over history: the engine as it is, told in order of time what happened, and what it would have told. */
import type { Logger } from 'pino'
import type { Alert, AlertRule, Factor, Maintenance } from '../../telemetry/alert.ts'
import type { Counters } from '../../telemetry/counters.ts'
import { type DeviceName, type DeviceState, deviceKey } from '../../telemetry/device.ts'
import type { SightedValue } from '../../telemetry/sighting.ts'
import { createAlertsEngine } from './engine.ts'
import type { Expected } from './watches.ts'

export type HistoryEvent = { atMs: number; name: DeviceName } & (
  | { kind: 'state'; state: DeviceState; isAlerting: boolean }
  | { kind: 'value'; value: SightedValue }
  | { kind: 'completeness'; hourMs: number; reports: Expected }
)

/** Times: milliseconds since 1970. */
export type WouldHaveFired = {
  title: string
  why: string
  beganAtMs: number
  firedAtMs: number
  /** Null: it would still stand. */
  resolvedAtMs: number | null
}

export type RuleResult = {
  rule: string
  fired: WouldHaveFired[]
  /** Alerts that nobody would have been told of, since a group's alert told of them, or outside the rule's hours. */
  suppressed: number
  /** From the beginning to the alert: the middle one, ms; null: it would not have fired. */
  detectedAfterMs: number | null
  longestMs: number | null
}

/** `events` in order of time, up to `toMs`. */
export function runBacktest(options: {
  rules: AlertRule[]
  maintenance: Array<Omit<Maintenance, 'id' | 'by'>>
  events: HistoryEvent[]
  toMs: number
  counters: Pick<Counters, 'alerts'>
  log: Logger
}): RuleResult[] {
  const { rules, maintenance, events, toMs, counters, log } = options
  const devicesOfSite = new Map<string, Set<string>>()
  const devices = new Set<string>()
  for (const { name } of events) {
    devices.add(deviceKey(name))
    devicesOfSite.set(name.site, (devicesOfSite.get(name.site) ?? new Set()).add(name.device))
  }
  /** Of history the store has the site alone; a wave everywhere is known by that. */
  const membersOf = (factor: Factor, name: string) => ({
    of: factor === 'site' ? (devicesOfSite.get(name)?.size ?? 0) : devices.size,
  })
  const alerts = new Map<string, Alert>()
  const engine = createAlertsEngine({
    config: { rules, notifiers: [], maintenance },
    saved: null,
    notify: () => {},
    onAlert: (alert) => alerts.set(alert.id, alert),
    factorsOf: ({ site }) => [
      ['site', site],
      ['ourselves', ''],
    ],
    membersOf,
    counters,
    log,
  })

  for (const event of events) {
    const { name, atMs } = event
    if (event.kind === 'value') engine.values(name, [event.value], atMs)
    else if (event.kind === 'completeness') engine.completeness(name, event.hourMs, event.reports, atMs)
    else {
      const { state, isAlerting } = event
      const times = { sinceMs: atMs, lastSeenMs: atMs, dueMs: null, atUs: atMs * 1000, isCut: false }
      engine.changed({ ...name, state, isAlerting, why: `its state was ${state}`, ...times })
    }
  }
  engine.advance(toMs)

  return rules.map(({ name }) => {
    const ofRule = [...alerts.values()].filter(({ rule }) => rule === name)
    const fired = ofRule.filter(({ suppressed }) => suppressed === null).map(toResult)
    const lasted = fired.map(({ beganAtMs, resolvedAtMs }) => (resolvedAtMs ?? toMs) - beganAtMs)
    const waited = fired.map(({ beganAtMs, firedAtMs }) => firedAtMs - beganAtMs).sort((a, b) => a - b)
    return {
      rule: name,
      fired: fired.sort((a, b) => a.firedAtMs - b.firedAtMs),
      suppressed: ofRule.length - fired.length,
      detectedAfterMs: waited[Math.floor(waited.length / 2)] ?? null,
      longestMs: fired.length === 0 ? null : Math.max(...lasted),
    }
  })
}

const toResult = ({ title, why, beganAtMs, firedAtMs, resolvedAtMs }: Alert): WouldHaveFired => ({
  title,
  why,
  beganAtMs,
  firedAtMs: firedAtMs ?? beganAtMs,
  resolvedAtMs,
})
