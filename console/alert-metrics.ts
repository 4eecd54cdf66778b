/** Metrics of alerts, of those who are told of them, and of the health of devices. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Counters } from '../telemetry/counters.ts'
import type { Alerting } from './alerting.ts'

export type AlertMetricsSource = {
  counters: Counters
  /** Null until alerts are known. */
  alerting: () => Alerting | null
  /** Reports whose device's health is not kept, too many devices. */
  healthNotRemembered: () => number
}

type NotifierStatus = ReturnType<Alerting['notifiers']['status']>[number]

export function registerAlertMetrics(registry: Registry, source: AlertMetricsSource): void {
  const { counters } = source
  const registers = [registry]
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name: `dewpoint_${name}`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  const byCode = (name: string, help: string, read: () => { [code: string]: number | undefined }) =>
    new Counter({
      name: `dewpoint_${name}`,
      help,
      labelNames: ['code'],
      registers,
      collect() {
        this.reset()
        for (const [code, count] of Object.entries(read())) this.inc({ code }, count ?? 0)
      },
    })
  const byNotifier = (name: string, help: string, read: (status: NotifierStatus) => number) =>
    new Counter({
      name: `dewpoint_${name}`,
      help,
      labelNames: ['notifier'],
      registers,
      collect() {
        this.reset()
        for (const status of source.alerting()?.notifiers.status() ?? [])
          this.inc({ notifier: status.name }, read(status))
      },
    })

  byCode('alerts_total', 'Alerts since the start, by what became of them', () => counters.alerts)
  byCode('notifications_total', 'Notifications of all notifiers, by what became of them', () => counters.notifications)
  byNotifier('notifier_sent_total', 'Notifications that a notifier told', (it) => it.sent)
  byNotifier('notifier_failed_total', 'Tries of a notifier that failed', (it) => it.failed)
  byNotifier('notifier_dropped_total', 'Notifications that a notifier will never tell', (it) => it.dropped)
  new Gauge({
    name: 'dewpoint_notifier_waiting',
    help: 'Notifications that wait for their notifier',
    labelNames: ['notifier'],
    registers,
    collect() {
      this.reset()
      for (const { name, queued } of source.alerting()?.notifiers.status() ?? []) this.set({ notifier: name }, queued)
    },
  })
  counter(
    'push_subscriptions_gone_total',
    'Subscriptions to Web Push that their service ended',
    () => counters.pushSubscriptionsGone,
  )
  counter(
    'standing_alerts_dropped_total',
    'Alerts that the MQTT notifier does not keep retained, too many',
    () => counters.standingAlertsDropped,
  )
  counter(
    'health_not_remembered_total',
    'Reports whose device has no health, too many devices',
    source.healthNotRemembered,
  )
}
