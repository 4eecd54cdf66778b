/**
 * Alerts by rules, from what is known of devices and from the time that the journal tells: no I/O, no clock, so a replay makes the
 * same alerts. Everything that is due happens at its due time, before what comes after it.
 */
import type { Logger } from 'pino'
import type {
  Alert,
  AlertFilter,
  AlertRule,
  AlertsConfig,
  AuditEntry,
  Maintenance,
  Notify,
} from '../../telemetry/alert.ts'
import type { Counters } from '../../telemetry/counters.ts'
import { type DeviceName, deviceKey, type StateChange } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import type { SightedValue } from '../../telemetry/sighting.ts'
import { type Case, type SavedCase, toAlert } from './case.ts'
import { createCases } from './cases.ts'
import { createFlapping } from './flapping.ts'
import { createGroups } from './groups.ts'
import { createHistory, type SavedHistory } from './history.ts'
import { selectAlerts } from './list.ts'
import { createMaintenance, type SavedMaintenance } from './maintenance.ts'
import { createRules } from './rules.ts'
import { createSilence, type FactorsOf, isSilent, type MembersOf, type SavedSilence } from './silence.ts'
import { createTelling } from './telling.ts'
import { createTimers } from './timers.ts'
import { createWatches, type Expected, type SavedWatches } from './watches.ts'

/** As JSON; fit for createAlertsEngine() with other rules too. */
export type Saved = {
  nowMs: number
  rules: AlertRule[]
  cases: SavedCase[]
  timers: Array<[name: string, atMs: number]>
  silence: SavedSilence
  watches: SavedWatches
  flapping: Array<[key: string, times: number[]]>
  mutes: Array<[key: string, untilMs: number]>
  history: SavedHistory
  maintenance: SavedMaintenance
}

export type AlertsEngineOptions = {
  config: Pick<AlertsConfig, 'rules' | 'notifiers' | 'maintenance'>
  /** Of save(); null at the first start. */
  saved: Saved | null
  notify: Notify
  /** Each change of an alert that has fired: for the store and the page. */
  onAlert: (alert: Alert, atMs: number) => void
  factorsOf: FactorsOf
  membersOf: MembersOf
  counters: Pick<Counters, 'alerts'>
  log: Logger
}

export type AlertsEngine = {
  /** A device's state changed; told again without a change, nothing happens. */
  changed(change: StateChange): void
  values(name: DeviceName, values: readonly SightedValue[], atMs: number): void
  completeness(name: DeviceName, hourMs: number, reports: Expected, atMs: number): void
  /** Whether any rule asks for values of the device. */
  wantsValues(name: DeviceName): boolean
  /** Everything due until then happens. Time does not go back. */
  advance(nowMs: number): void
  /** How far it has come. */
  nowMs(): number
  /** When something is due next, null: nothing is. */
  dueMs(): number | null
  /** We did not listen meanwhile. To be called before advance() to its end. */
  wasDown(fromMs: number, toMs: number): void
  list(filter?: AlertFilter): Alert[]
  /** Null: no such alert stands. */
  acknowledge(id: string, by: string, note: string): Alert | null
  /** Keeps this rule silent about this subject, whatever becomes of the alert. */
  mute(id: string, by: string, untilMs: number): Alert | null
  unmute(id: string, by: string): Alert | null
  maintenance: {
    /** Null: there are too many (limits.maintenanceMax). */
    add(window: Omit<Maintenance, 'id'>): Maintenance | null
    /** Null: no such window, or one of the configuration. */
    end(id: string, by: string): Maintenance | null
    list(): Maintenance[]
  }
  /** Newest first. */
  audit(): AuditEntry[]
  save(): Saved
}

export function createAlertsEngine(options: AlertsEngineOptions): AlertsEngine {
  const { config, saved, counters } = options
  const rules = createRules(config.rules)
  let nowMs = saved?.nowMs ?? 0
  const cases = new Map<string, Case>()
  for (const it of saved?.cases ?? []) cases.set(it.key, { ...it, members: new Set(it.members) })
  const mutes = new Map(saved?.mutes)
  const timers = createTimers(saved?.timers ?? [])
  const maintenance = createMaintenance(config.maintenance, saved?.maintenance ?? null)
  const history = createHistory(saved?.history ?? null, counters)
  const flapping = createFlapping(saved?.flapping ?? [])
  const silence = createSilence(saved?.silence ?? null, options.factorsOf, options.membersOf)
  const mutedUntilMs = (key: string) => mutes.get(key) ?? null
  const telling = createTelling({ ...options, timers, maintenance, mutedUntilMs })
  const groups = createGroups(cases, rules, silence, timers)
  const life = createCases({ cases, rules, timers, silence, groups, flapping, telling, history, counters })
  const watches = createWatches(saved?.watches ?? null, rules, life, timers, counters)

  const ruleOf = (it: Case) => rules.get(it.rule) as AlertRule
  const alertOf = (it: Case) => toAlert(it, ruleOf(it), mutedUntilMs(it.key))
  // Alerts that stand are few but in a wave, and only people ask for one.
  const byId = (id: string) => [...cases.values()].find((it) => it.id === id) ?? null
  const tellAll = (atMs: number) => {
    for (const it of [...cases.values()]) if (cases.has(it.key)) life.tellNow(it, ruleOf(it), atMs)
  }
  const watchWindow = ({ id, toMs }: Maintenance) => {
    if (toMs > nowMs) timers.set(`maintenance ${id}`, toMs)
  }
  maintenance.list(nowMs).forEach(watchWindow)
  endOldRules()

  /** Nobody will ever say that the condition of a rule that is gone, or means something else now, is over. */
  function endOldRules(): void {
    const meaningOf = ({ condition, site, device, forMs }: AlertRule) =>
      JSON.stringify([condition, site, device, forMs])
    const before = new Map(saved?.rules.map((rule) => [rule.name, rule]))
    for (const it of [...cases.values()]) {
      const old = before.get(it.rule)
      const rule = rules.get(it.rule)
      if (old === undefined || (rule !== undefined && meaningOf(rule) === meaningOf(old))) continue
      if (!cases.has(it.key)) continue
      if (it.firedAtMs !== null) life.resolve(it, old, nowMs)
      cases.delete(it.key)
      timers.cancel(`fire ${it.key}`)
    }
  }

  function due(timer: string, atMs: number): void {
    const kind = timer.slice(0, timer.indexOf(' '))
    const key = timer.slice(kind.length + 1)
    if (kind === 'age') silence.grewOld(key)
    else if (kind === 'nodata') watches.noDataDue(key, atMs)
    else if (kind === 'forget') flapping.forget(key)
    else if (kind === 'maintenance') tellAll(atMs)
    const it = cases.get(key)
    if (kind === 'unmute') mutes.delete(key)
    if (it === undefined) return
    const rule = ruleOf(it)
    if (kind === 'fire') life.fireDue(it, rule, atMs)
    else if (kind === 'tell' || kind === 'unmute') life.tellNow(it, rule, atMs)
    else if (kind === 'escalate') telling.escalate(it, rule, atMs)
    else if (kind === 'remind') telling.remind(it, rule, atMs)
    else if (kind === 'quiet') life.quiet(it, rule, atMs)
  }

  function advance(untilMs: number): void {
    for (;;) {
      const timer = timers.takeDue(untilMs)
      if (timer === null) break
      nowMs = Math.max(nowMs, timer.atMs)
      due(timer.name, nowMs)
    }
    nowMs = Math.max(nowMs, untilMs)
  }

  /** What the detective goes by: who was well and is silent now, and who is away by its own wish or under work. */
  function heed(change: StateChange, intervalMs: number): void {
    const { state, isAlerting } = change
    if (!isSilent(state)) {
      silence.isBack(change)
      timers.cancel(`age ${deviceKey(change)}`)
      return
    }
    const isFresh = (state !== 'offline' || isAlerting) && !maintenance.isOn(change, nowMs)
    if (!silence.fellSilent(change, nowMs, isFresh) || !isFresh) return
    timers.set(`age ${deviceKey(change)}`, nowMs + Math.max(limits.waveWindowMs, 4 * intervalMs))
  }

  function did(by: string, action: AuditEntry['action'], on: string, detail: string): void {
    history.did({ atMs: nowMs, by, action, on, detail })
  }

  return {
    advance,
    nowMs: () => nowMs,
    dueMs: () => timers.nextMs(),
    wantsValues: rules.wantsValues,
    changed(change) {
      const { site, device, state, why, sinceMs, lastSeenMs, dueMs, isCut } = change
      const name = { site, device }
      advance(Math.floor(change.atUs / 1000))
      const intervalMs = Math.min(limits.waveIntervalMsMax, Math.max(0, (dueMs ?? 0) - lastSeenMs))
      heed(change, intervalMs)
      if (state !== 'never-seen') watches.expectData(name, nowMs)
      for (const rule of rules.ofState(name)) {
        // Who is offline by its own wish is missed by nobody.
        const isTrue = rule.condition.states.includes(state) && (state !== 'offline' || change.isAlerting)
        if (!isTrue) life.end(rule, name, nowMs)
        else {
          const evidence = { why, value: null, unit: '', channel: '', deviceState: state }
          life.begin(rule, name, nowMs, evidence, { sinceMs, intervalMs, isCut })
        }
      }
    },
    values(name, values, atMs) {
      advance(atMs)
      watches.values(name, values, nowMs)
    },
    completeness(name, hourMs, reports, atMs) {
      advance(atMs)
      watches.completeness(name, hourMs, reports, nowMs)
    },
    wasDown: (fromMs, toMs) => watches.extend(Math.max(0, toMs - fromMs)),
    list: (filter = {}) => selectAlerts([...cases.values()].map(alertOf), history.alerts(), filter),
    acknowledge(id, by, note) {
      const it = byId(id)
      if (it === null) return null
      it.acknowledged = { by, atMs: nowMs, note }
      did(by, 'acknowledge', id, note)
      if (it.firedAtMs !== null) telling.changed(it, ruleOf(it), nowMs)
      return alertOf(it)
    },
    mute(id, by, untilMs) {
      const it = byId(id)
      if (it === null) return null
      mutes.set(it.key, untilMs)
      timers.set(`unmute ${it.key}`, untilMs)
      did(by, 'mute', id, `until ${new Date(untilMs).toISOString()}`)
      if (it.firedAtMs !== null) telling.changed(it, ruleOf(it), nowMs)
      return alertOf(it)
    },
    unmute(id, by) {
      const it = byId(id)
      if (it === null) return null
      mutes.delete(it.key)
      timers.cancel(`unmute ${it.key}`)
      did(by, 'unmute', id, '')
      life.tellNow(it, ruleOf(it), nowMs)
      return alertOf(it)
    },
    maintenance: {
      add(window) {
        const added = maintenance.add(window)
        if (added === null) return null
        watchWindow(added)
        const { site, device, fromMs, toMs, by, note } = added
        const range = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`
        did(by, 'maintenance', `${site || '*'}/${device || '*'}`, `${range}${note === '' ? '' : `: ${note}`}`)
        return added
      },
      end(id, by) {
        const ended = maintenance.end(id)
        if (ended === null) return null
        timers.cancel(`maintenance ${id}`)
        did(by, 'maintenance', `${ended.site || '*'}/${ended.device || '*'}`, 'ended')
        tellAll(nowMs)
        return ended
      },
      list: () => maintenance.list(nowMs),
    },
    audit: () => history.audit(),
    save: () => ({
      nowMs,
      rules: [...config.rules],
      cases: [...cases.values()].map((it) => ({ ...it, members: [...it.members] })),
      timers: timers.save(),
      silence: silence.save(),
      watches: watches.save(),
      flapping: flapping.save(),
      mutes: [...mutes],
      history: history.save(),
      maintenance: maintenance.save(),
    }),
  }
}
