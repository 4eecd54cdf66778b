import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { registerAlertMetrics } from './alert-metrics.ts'
import { createAlertingFake } from './alerting.fake.ts'
import type { Alerting } from './alerting.ts'

async function linesOf(alerting: Alerting | null): Promise<string[]> {
  const registry = new Registry()
  const counters = createCounters()
  Object.assign(counters.alerts, { fired: 3, suppressed: 2 })
  Object.assign(counters.notifications, { sent: 5, overflow: 1 })
  counters.pushSubscriptionsGone = 4
  counters.standingAlertsDropped = 6
  registerAlertMetrics(registry, { counters, alerting: () => alerting, healthNotRemembered: () => 9 })
  // A second look counts nothing twice.
  await registry.metrics()
  return (await registry.metrics()).split('\n')
}

test('metrics tell what became of alerts and notifications, by notifier too, each time as they stand', async () => {
  const { alerting } = createAlertingFake([])
  const lines = await linesOf(alerting)
  for (const line of [
    'dewpoint_alerts_total{code="fired"} 3',
    'dewpoint_alerts_total{code="suppressed"} 2',
    'dewpoint_notifications_total{code="sent"} 5',
    'dewpoint_notifications_total{code="overflow"} 1',
    'dewpoint_notifier_sent_total{notifier="ops"} 7',
    'dewpoint_notifier_failed_total{notifier="ops"} 1',
    'dewpoint_notifier_dropped_total{notifier="ops"} 0',
    'dewpoint_notifier_waiting{notifier="ops"} 2',
    'dewpoint_push_subscriptions_gone_total 4',
    'dewpoint_standing_alerts_dropped_total 6',
    'dewpoint_health_not_remembered_total 9',
  ])
    expect(lines).toContain(line)
})

test('metrics name no notifier while alerts are not known yet', async () => {
  expect((await linesOf(null)).filter((line) => line.includes('notifier='))).toEqual([])
})
