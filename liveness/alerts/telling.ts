/** Who is told of an alert, and when: once when it fires unless something speaks against it, again by reminder and escalation, and of its end only who was told of it. */
import type { Logger } from 'pino'
import type { Alert, AlertRule, Notification, NotificationKind, Notify, Suppression } from '../../telemetry/alert.ts'
import { type Counters, count } from '../../telemetry/counters.ts'
import { type Case, deviceOf, toAlert } from './case.ts'
import type { MaintenanceWindows } from './maintenance.ts'
import { isOpen, opensAtMs } from './schedule.ts'
import type { Timers } from './timers.ts'

export type Telling = {
  /** Tells of it, or keeps why not. Somebody who was told already is not told again. */
  fired(it: Case, rule: AlertRule, atMs: number, suppressed?: Suppression | null): void
  resolved(it: Case, rule: AlertRule, atMs: number): void
  escalate(it: Case, rule: AlertRule, atMs: number): void
  remind(it: Case, rule: AlertRule, atMs: number): void
  /** What of it has changed is seen in lists and in the store. */
  changed(it: Case, rule: AlertRule, atMs: number): void
  /** Why nobody would be told now. */
  silencedBy(it: Case, rule: AlertRule, atMs: number): Suppression | null
}

export function createTelling(options: {
  timers: Timers
  maintenance: MaintenanceWindows
  mutedUntilMs: (key: string) => number | null
  notify: Notify
  onAlert: (alert: Alert, atMs: number) => void
  counters: Pick<Counters, 'alerts'>
  log: Logger
}): Telling {
  const { timers, maintenance, mutedUntilMs, notify, counters, log } = options
  const alertOf = (it: Case, rule: AlertRule) => toAlert(it, rule, mutedUntilMs(it.key))

  function tell(to: readonly string[], kind: NotificationKind, alert: Alert, atMs: number): void {
    const notification: Notification = { kind, alert, atMs, chart: null }
    for (const notifier of to) notify(notifier, notification)
    log[kind === 'resolved' ? 'info' : 'warn'](
      { id: alert.id, rule: alert.rule, why: alert.why },
      `alert ${kind}: ${alert.title}`,
    )
  }

  function silencedBy(it: Case, rule: AlertRule, atMs: number): Suppression | null {
    const name = deviceOf(it.subject)
    const named = name === null ? it.devices : [name]
    if (named.length > 0 && named.every((device) => maintenance.isOn(device, atMs))) return 'maintenance'
    if ((mutedUntilMs(it.key) ?? 0) > atMs) return 'mute'
    return rule.schedule !== null && !isOpen(rule.schedule, atMs) ? 'schedule' : null
  }

  const changed: Telling['changed'] = (it, rule, atMs) => options.onAlert(alertOf(it, rule), atMs)

  /** Whether somebody has taken care, or nobody is to be bothered now: then it is looked at again when that ends. */
  function mayRepeat(it: Case, rule: AlertRule, atMs: number): boolean {
    return it.isTold && it.groupKey === null && it.acknowledged === null && silencedBy(it, rule, atMs) === null
  }

  return {
    silencedBy,
    changed,
    fired(it, rule, atMs, suppressed = silencedBy(it, rule, atMs)) {
      if (it.isTold) return
      const isNew = it.suppressed !== suppressed || suppressed === null
      it.suppressed = suppressed
      if (suppressed === 'schedule' && rule.schedule !== null) {
        const opensMs = opensAtMs(rule.schedule, atMs)
        if (opensMs !== null) timers.set(`tell ${it.key}`, opensMs)
      }
      if (isNew) {
        count(counters.alerts, suppressed === null ? 'fired' : 'suppressed')
        changed(it, rule, atMs)
      }
      if (suppressed !== null) return
      it.isTold = true
      it.told = [...rule.notify]
      tell(it.told, 'fired', alertOf(it, rule), atMs)
      if (rule.escalate !== null) timers.set(`escalate ${it.key}`, atMs + rule.escalate.afterMs)
      if (rule.remindMs !== null) timers.set(`remind ${it.key}`, atMs + rule.remindMs)
    },
    resolved(it, rule, atMs) {
      count(counters.alerts, 'resolved')
      changed(it, rule, atMs)
      if (it.isTold) tell(it.told, 'resolved', alertOf(it, rule), atMs)
    },
    escalate(it, rule, atMs) {
      if (rule.escalate === null || it.acknowledged !== null) return
      if (!mayRepeat(it, rule, atMs)) {
        timers.set(`escalate ${it.key}`, atMs + rule.escalate.afterMs)
        return
      }
      const to = rule.escalate.notify
      it.told = [...new Set([...it.told, ...to])]
      tell(to, 'escalated', alertOf(it, rule), atMs)
    },
    remind(it, rule, atMs) {
      if (rule.remindMs === null || it.acknowledged !== null) return
      timers.set(`remind ${it.key}`, atMs + rule.remindMs)
      if (mayRepeat(it, rule, atMs)) tell(it.told, 'reminder', alertOf(it, rule), atMs)
    },
  }
}
