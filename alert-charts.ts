/** The picture of an alert: the last hours of its channel, from the store, with the threshold of its rule. */
import type { Alert, AlertChart, AlertRule } from './telemetry/alert.ts'
import { limits } from './telemetry/limits.ts'
import type { ReadingStore } from './telemetry/query.ts'

export type AlertCharts = (alert: Alert, atMs: number) => Promise<AlertChart | null>

/** Null for what is not about a channel of one device. @throws UnavailableError when the store cannot answer. */
export function chartsOf(
  store: Pick<ReadingStore, 'readings'>,
  rules: readonly AlertRule[],
  unitOf: (channel: string) => string,
): AlertCharts {
  const conditions = new Map(rules.map(({ name, condition }) => [name, condition]))
  return async (alert, atMs) => {
    const { subject, channel, rule, value, beganAtMs } = alert
    if (subject.kind !== 'device' || channel === '') return null
    const { site, device } = subject
    const range = { site, device, channel, fromMs: atMs - limits.alertChartMs, toMs: atMs }
    const stored = await store.readings(range, limits.alertChartRowsMax, 'last')
    const points: Array<readonly [number, number]> = []
    for (const { timeMs, value: it } of stored) if (typeof it === 'number') points.push([timeMs, it])
    const condition = conditions.get(rule)
    const isThreshold = condition?.kind === 'threshold'
    // The value that made the alert is on its way to the store while somebody is told of it.
    const isAhead = isThreshold && value !== null && (points.at(-1)?.[0] ?? 0) < beganAtMs
    if (isAhead) points.push([beganAtMs, value])
    const threshold = isThreshold ? (condition.above ?? condition.below) : null
    return { unit: alert.unit === '' ? unitOf(channel) : alert.unit, threshold, points }
  }
}
