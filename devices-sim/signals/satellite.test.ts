import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { createSatellite, passesOf } from './satellite.ts'

const startMs = Date.UTC(2026, 0, 1)
const minuteMs = 60_000
const orbits = 500

test('passes take some 10 minutes of each orbit, and never more than 12', () => {
  const passes = passesOf(createRandom(1), startMs)
  const lengths: number[] = []
  let nowMs = passes.nextChangeMs(startMs)
  if (!passes.isVisible(nowMs)) nowMs = passes.nextChangeMs(nowMs)
  for (let i = 0; i < orbits; i++) {
    const endMs = passes.nextChangeMs(nowMs)
    expect(passes.isVisible(nowMs)).toBe(true)
    expect(passes.isVisible(endMs - 1)).toBe(true)
    expect(passes.isVisible(endMs)).toBe(false)
    lengths.push(endMs - nowMs)
    nowMs = passes.nextChangeMs(endMs)
    expect(nowMs - endMs).toBeGreaterThan(80 * minuteMs)
  }
  const mean = lengths.reduce((sum, length) => sum + length) / orbits / minuteMs
  expect(mean).toBeGreaterThan(9)
  expect(mean).toBeLessThan(11)
  expect(Math.min(...lengths)).toBeGreaterThan(5 * minuteMs)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(12 * minuteMs)
})

test('satellite warms in the sun and cools in the shadow, without jumps', () => {
  const satellite = createSatellite(createRandom(2), startMs)
  const rows = Array.from({ length: 95 * 20 }, (_, i) => satellite.sample(startMs + i * minuteMs) as number[])
  const cel = rows.map(([value]) => value as number)
  expect(Math.max(...cel)).toBeGreaterThan(20)
  expect(Math.min(...cel)).toBeLessThan(-10)
  for (let i = 1; i < cel.length; i++) expect(Math.abs((cel[i] as number) - (cel[i - 1] as number))).toBeLessThan(5)
  const bus = rows.map((row) => row[1] as number)
  expect(Math.max(...bus)).toBeLessThan(8.25)
  expect(Math.min(...bus)).toBeGreaterThan(7.4)
})

test('satellite loses fuel over months', () => {
  // The mean over an orbit, so that sun and shadow do not count.
  const fromDay = (day: number) => {
    const satellite = createSatellite(createRandom(3), startMs)
    const orbit = Array.from({ length: 95 }, (_, i) => startMs + day * 86_400_000 + i * minuteMs)
    return orbit.reduce((sum, nowMs) => sum + (satellite.sample(nowMs)[2] as number), 0) / 95
  }
  expect(fromDay(365) / fromDay(0)).toBeCloseTo(0.83, 2)
})
