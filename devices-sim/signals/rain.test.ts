import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { createRain, createRainCounter, createRainGauge } from './rain.ts'
import { rainCells, windowMs } from './storms.ts'

const startMs = Date.UTC(2026, 0, 1)
const dayMs = 86_400_000

const tipsOf = (site: string, seed: number, days: number, stepMs: number, fromMs = startMs) => {
  const gauge = createRainGauge(site, createRandom(seed), fromMs)
  return Array.from({ length: (days * dayMs) / stepMs }, (_, i) => gauge(fromMs + (i + 1) * stepMs))
}
const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

test('gauge repeats itself when the seed is the same, and differs when seed or site does', () => {
  const one = tipsOf('valley', 1, 60, 3_600_000)
  expect(sum(one)).toBeGreaterThan(50)
  expect(tipsOf('valley', 1, 60, 3_600_000)).toEqual(one)
  expect(tipsOf('valley', 2, 60, 3_600_000)).not.toEqual(one)
  expect(tipsOf('hill', 1, 60, 3_600_000)).not.toEqual(one)
})

test('gauge counts the same tips when it is asked often or seldom', () => {
  const often = sum(tipsOf('valley', 1, 40, 60_000))
  expect(Math.abs(often - sum(tipsOf('valley', 1, 40, dayMs)))).toBeLessThanOrEqual(1)
})

test('gauges see the same storms with small differences when they stand at the same site', () => {
  const totals = Array.from({ length: 20 }, (_, seed) => sum(tipsOf('valley', seed, 280, dayMs)))
  const mean = sum(totals) / totals.length
  const deviation = Math.sqrt(sum(totals.map((total) => (total - mean) ** 2)) / totals.length)
  expect(deviation / mean).toBeGreaterThan(0.025)
  expect(deviation / mean).toBeLessThan(0.065)
  const [a, b] = [tipsOf('valley', 1, 280, dayMs), tipsOf('valley', 2, 280, dayMs)]
  const wetTogether = a.filter((tips, day) => tips > 5 && (b[day] as number) > 2).length
  expect(wetTogether / a.filter((tips) => tips > 5).length).toBeGreaterThan(0.9)
})

test('gauge that joins later finds the weather of those that were there', () => {
  const fromStart = tipsOf('valley', 1, 100, dayMs).slice(50)
  const joined = tipsOf('valley', 2, 50, dayMs, startMs + 50 * dayMs)
  expect(sum(fromStart)).toBeGreaterThan(100)
  expect(Math.abs(sum(joined) / sum(fromStart) - 1)).toBeLessThan(0.25)
})

test('gauge keeps the mean when the year crosses windows of the weather', () => {
  // Without the cells of storms that began in the window before, the first days of each would be too dry.
  const parts = [0, 0]
  for (let site = 0; site < 60; site++) {
    for (let window = 600; window < 620; window++) {
      for (const { fromMs, untilMs, mmPerHour } of rainCells(site, window)) {
        const half = fromMs - window * windowMs < windowMs / 2 ? 0 : 1
        parts[half] = (parts[half] as number) + (mmPerHour * (untilMs - fromMs)) / 3_600_000
      }
    }
  }
  expect((parts[0] as number) / (parts[1] as number)).toBeGreaterThan(0.85)
  expect((parts[0] as number) / (parts[1] as number)).toBeLessThan(1.18)
})

test('gauge stays dry when the clock goes back', () => {
  const gauge = createRainGauge('valley', createRandom(1), startMs)
  gauge(startMs + 30 * dayMs)
  expect(gauge(startMs)).toBe(0)
  expect(gauge(startMs + 30 * dayMs)).toBe(0)
})

test('rain says whole tips of 0.2 mm', () => {
  const rain = createRain('valley', createRandom(1), startMs)
  const values = Array.from({ length: 3000 }, (_, i) => rain.sample(startMs + i * 3_600_000)[0] as number)
  expect(values.every((value) => value === Math.round(value * 5) / 5 && value >= 0)).toBe(true)
  expect(Math.max(...values)).toBeGreaterThan(1)
})

test('rain counter counts what the gauge adds, and wraps at 16 bits', () => {
  const rain = createRain('valley', createRandom(1), startMs)
  const counter = createRainCounter('valley', createRandom(1), startMs)
  let [mm, wraps] = [0, 0]
  const first = counter.sample(startMs)[0] as number
  let last = first
  for (let i = 1; i <= 365 * 20; i++) {
    mm += rain.sample(startMs + i * dayMs)[0] as number
    const count = counter.sample(startMs + i * dayMs)[0] as number
    if (count < last) wraps++
    expect(count).toBeLessThan(65_536)
    last = count
  }
  expect(wraps).toBeGreaterThan(0)
  expect(last + wraps * 65_536 - first).toBe(Math.round(mm * 5))
})
