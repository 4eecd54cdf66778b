import { expect, test } from 'vitest'
import { countTime, createTimes, timeBoundsMs } from './times.ts'

test('countTime counts each time once, at the first bound that holds it', () => {
  const times = createTimes()
  for (const ms of [0, 0.25, 0.26, 1, 4_999, 5_000, 5_000.1, 1e9]) countTime(times, ms)
  const found = Object.fromEntries(
    times.counts.flatMap((count, i) => (count > 0 ? [[timeBoundsMs[i] ?? 'more', count]] : [])),
  )
  expect(found).toEqual({ 0.25: 2, 0.5: 1, 1: 1, 5000: 2, more: 2 })
  expect(times.sumMs).toBeCloseTo(1e9 + 15_000.61, 1)
})
