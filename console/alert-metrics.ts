/** Metrics of alerts, of those who are told of them, and of the health of devices. */
import type { Registry } from 'prom-client'
import type { Counters } from '../telemetry/counters.ts'
import type { Alerting } from './alerting.ts'
import { metricKinds } from './metric-kinds.ts'

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
  const { counter, counters: countersBy, gauges: gaugesBy } = metricKinds(registry)
  const ofNotifiers = (read: (status: NotifierStatus) => number) => () =>
    Object.fromEntries((source.alerting()?.notifiers.status() ?? []).map((it) => [it.name, read(it)]))
  const byNotifier = (name: string, help: string, read: (status: NotifierStatus) => number) =>
    countersBy(name, help, 'notifier', ofNotifiers(read))

  countersBy('alerts_total', 'Alerts since the start, by what became of them', 'code', () => counters.alerts)
  countersBy(
    'notifications_total',
    'Notifications of all notifiers, by what became of them',
    'code',
    () => counters.notifications,
  )
  byNotifier('notifier_sent_total', 'Notifications that a notifier told', (it) => it.sent)
  byNotifier('notifier_failed_total', 'Tries of a notifier that failed', (it) => it.failed)
  byNotifier('notifier_dropped_total', 'Notifications that a notifier will never tell', (it) => it.dropped)
  gaugesBy(
    'notifier_waiting',
    'Notifications that wait for their notifier',
    'notifier',
    ofNotifiers((it) => it.queued),
  )
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
