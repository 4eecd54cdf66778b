import { expect, test } from 'vitest'
import { createRandom } from './random.ts'
import { createPulse, createRainfall, createVoltage, type Signal } from './signals.ts'

const startMs = 1_800_000_000_000
const stepMs = 5000

const values = (create: typeof createPulse, seed: number, count: number): number[] => {
  const signal: Signal = create(createRandom(seed), startMs)
  return Array.from({ length: count }, (_, index) => signal(startMs + (index + 1) * stepMs))
}

test.each([
  ['rainfall', createRainfall],
  ['pulse', createPulse],
  ['voltage', createVoltage],
])('%s repeats itself when the seed is the same', (_channel, create) => {
  expect(values(create, 7, 500)).toEqual(values(create, 7, 500))
  expect(values(create, 7, 500)).not.toEqual(values(create, 8, 500))
})

test('rainfall sends whole tips of 0.2 mm, never more than a real gauge showed', () => {
  const rainfall = values(createRainfall, 7, 10_000)
  for (const value of rainfall) expect(value).toBe(Math.round(value * 5) / 5)
  expect(Math.min(...rainfall)).toBe(0)
  for (let i = 12; i < rainfall.length; i++) {
    const minute = rainfall.slice(i - 12, i).reduce((sum, value) => sum + value)
    expect(Math.round(minute * 5)).toBeLessThanOrEqual(8)
  }
})

test('rainfall has storms and dry gaps', () => {
  const rainfall = values(createRainfall, 7, 10_000)
  const hasRained = Array.from({ length: 500 }, (_, i) =>
    rainfall.slice(i * 20, i * 20 + 20).some((value) => value > 0),
  )
  const wet = hasRained.filter(Boolean).length
  expect(wet).toBeGreaterThan(100)
  expect(wet).toBeLessThan(450)
})

test('rainfall keeps its tips when it is asked late', () => {
  const often = createRainfall(createRandom(5), startMs)
  const late = createRainfall(createRandom(5), startMs)
  let sum = 0
  for (let timeMs = startMs; timeMs <= startMs + 3_600_000; timeMs += 1000) sum += often(timeMs)
  expect(sum).toBeCloseTo(late(startMs + 3_600_000), 6)
  expect(sum).toBeGreaterThan(0)
})

test('rainfall stays dry when the clock goes back', () => {
  const rainfall = createRainfall(createRandom(5), startMs)
  rainfall(startMs + 600_000)
  expect(rainfall(startMs)).toBe(0)
})

test('pulse is whole beats of a person at rest, and moves', () => {
  const pulse = values(createPulse, 7, 5000)
  expect(pulse.every(Number.isInteger)).toBe(true)
  expect(Math.min(...pulse)).toBeGreaterThanOrEqual(40)
  expect(Math.max(...pulse)).toBeLessThanOrEqual(160)
  expect(new Set(pulse.slice(0, 50)).size).toBeGreaterThan(5)
})

test('voltage has steps of 1 mV, sinks, and stays that of a lithium cell', () => {
  const voltage = values(createVoltage, 7, 20_000)
  for (const value of voltage) expect(value).toBe(Number(value.toFixed(3)))
  expect(Math.min(...voltage)).toBeGreaterThan(3.2)
  expect(Math.max(...voltage)).toBeLessThan(4.2)
  const mean = (part: number[]) => part.reduce((sum, value) => sum + value) / part.length
  expect(mean(voltage.slice(-1000))).toBeLessThan(mean(voltage.slice(0, 1000)))
})
