/** Checked alerts and notifiers of the file to what the stages take: everything filled in, texts read. */
import assert from 'node:assert'
import type { AlertCondition, AlertRule, AlertsConfig, NotifierConfig } from '../telemetry/alert.ts'
import { durationMs } from '../telemetry/duration.ts'
import { minuteOfDay, weekdays } from './alert-rules.ts'
import type { FileAlerts } from './alert-schema.ts'
import { dateMs } from './date.ts'
import type { FileNotifiers } from './notifier-schema.ts'

type FileRule = FileAlerts['rules'][number]

export function toAlerts({ publicUrl, rules, maintenance }: FileAlerts, notifiers: FileNotifiers): AlertsConfig {
  const names = Object.keys(notifiers)
  return {
    rules: rules.map((rule) => toRule(rule, names)),
    notifiers: Object.entries(notifiers).map(([name, notifier]) => toNotifier(name, notifier)),
    publicUrl: publicUrl.replace(/\/+$/, ''),
    maintenance: maintenance.map(({ from, to, ...rest }) => ({
      ...rest,
      fromMs: sure(dateMs(from)),
      toMs: sure(dateMs(to)),
    })),
  }
}

function toRule(file: FileRule, names: string[]): AlertRule {
  const { name, site, device, severity, labels, escalate, remind } = file
  return {
    name,
    condition: toCondition(file.when),
    site,
    device,
    forMs: ms(file.for),
    severity,
    labels,
    schedule: file.schedule === undefined ? null : toSchedule(file.schedule),
    notify: file.notify ?? names,
    escalate: escalate === undefined ? null : { afterMs: ms(escalate.after), notify: escalate.notify },
    remindMs: remind === undefined ? null : ms(remind),
  }
}

function toCondition(when: FileRule['when']): AlertCondition {
  const { state, channel = '', above = null, below = null, clear = null, rate, completeness, noData } = when
  if (state !== undefined) return { kind: 'state', states: typeof state === 'string' ? [state] : state }
  if (completeness !== undefined) return { kind: 'completeness', overMs: ms(completeness), below: sure(below), clear }
  if (noData !== undefined) return { kind: 'no-data', channel, forMs: ms(noData) }
  const threshold = { channel, above, below, clear }
  return rate === undefined ? { kind: 'threshold', ...threshold } : { kind: 'rate', ...threshold, perMs: ms(rate) }
}

const toSchedule = ({ days, from, to }: NonNullable<FileRule['schedule']>): AlertRule['schedule'] => ({
  days: sure(weekdays(days)),
  fromMinute: sure(minuteOfDay(from)),
  toMinute: sure(minuteOfDay(to)),
})

function toNotifier(name: string, notifier: FileNotifiers[string]): NotifierConfig {
  return notifier.type === 'webhook' ? { name, ...notifier, secret: notifier.secret ?? null } : { name, ...notifier }
}

const ms = (text: string): number => sure(durationMs(text))

function sure<T>(value: T | null): T {
  assert(value !== null)
  return value
}
