import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { createHistogram } from './histogram.ts'

test('histogram tells percentiles within two per cent of the exact ones', () => {
  const random = createRandom(11)
  const histogram = createHistogram()
  const values = Array.from(
    { length: 20_000 },
    () => 0.05 + random.exponential(3) + (random.fraction() < 0.01 ? 500 : 0),
  )
  for (const value of values) histogram.record(value)
  values.sort((a, b) => a - b)
  for (const part of [0.1, 0.5, 0.9, 0.99, 0.999]) {
    const exact = values[Math.ceil(part * values.length) - 1] as number
    expect(Math.abs(histogram.percentile(part) / exact - 1)).toBeLessThan(0.02)
  }
  expect(histogram.percentile(1)).toBeLessThanOrEqual(histogram.max())
  expect(histogram.max()).toBe(values.at(-1))
})

test('histogram of two processes is that of both', () => {
  const random = createRandom(3)
  const [a, b, both, sum] = [createHistogram(), createHistogram(), createHistogram(), createHistogram()]
  for (let i = 0; i < 5000; i++) {
    const value = random.exponential(2)
    both.record(value)
    ;(i % 3 === 0 ? a : b).record(value)
  }
  sum.add(a.save())
  sum.add(JSON.parse(JSON.stringify(b.save())))
  expect(sum.save()).toEqual(both.save())
  expect(sum.count()).toBe(5000)
})

test('histogram without a value has no percentile, and takes the shortest and the longest times', () => {
  const histogram = createHistogram()
  expect(histogram.percentile(0.5)).toBeNaN()
  for (const ms of [0, 0.0001, 1e9]) histogram.record(ms)
  expect(histogram.count()).toBe(3)
  expect(histogram.max()).toBe(1e9)
})
