import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { countTime, createTimes } from '../telemetry/times.ts'
import { registerTimes } from './times-metric.ts'

test('times are a histogram of Prometheus, whose buckets hold all below them', async () => {
  const registry = new Registry()
  const times = createTimes()
  registerTimes(registry, 'sync_seconds', 'Syncs', () => times)
  for (const ms of [0.2, 0.4, 0.4, 2, 9_000]) countTime(times, ms)
  const lines = (await registry.metrics()).trim().split('\n')
  expect(lines.slice(0, 2)).toEqual(['# HELP sync_seconds Syncs', '# TYPE sync_seconds histogram'])
  expect(lines).toContain('sync_seconds_bucket{le="0.00025"} 1')
  expect(lines).toContain('sync_seconds_bucket{le="0.0005"} 3')
  expect(lines).toContain('sync_seconds_bucket{le="0.002"} 4')
  expect(lines).toContain('sync_seconds_bucket{le="5"} 4')
  expect(lines).toContain('sync_seconds_bucket{le="+Inf"} 5')
  expect(lines).toContain('sync_seconds_count 5')
  expect(Number(lines.find((it) => it.startsWith('sync_seconds_sum'))?.split(' ')[1])).toBeCloseTo(9.003)
})
