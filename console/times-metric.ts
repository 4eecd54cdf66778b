/** A histogram for Prometheus of times that were counted elsewhere; the one of prom-client wants to be told each of them. */
import type { Metric, Registry } from 'prom-client'
import { type Times, timeBoundsMs } from '../telemetry/times.ts'

export function registerTimes(registry: Registry, name: string, help: string, read: () => Times): void {
  const get = async () => {
    const { counts, sumMs } = read()
    let count = 0
    const values = counts.map((more, i) => {
      count += more
      const bound = timeBoundsMs[i]
      const le = bound === undefined ? '+Inf' : bound / 1000
      return { labels: { le }, value: count, metricName: `${name}_bucket` }
    })
    const sum = { labels: {}, value: sumMs / 1000, metricName: `${name}_sum` }
    const all = [...values, sum, { labels: {}, value: count, metricName: `${name}_count` }]
    return { name, help, type: 'histogram', values: all, aggregator: 'sum' as const }
  }
  registry.registerMetric({ name, get } as unknown as Metric)
}
