import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { createHeart, createPulse, type Person } from './pulse.ts'

const startMs = Date.UTC(2026, 0, 1)
const hourMs = 3_600_000
const mean = (numbers: number[]) => numbers.reduce((sum, number) => sum + number) / numbers.length
const person = (part: Partial<Person>): Person => ({ restBpm: 70, nightDip: 0, exercisePerDay: 0, ...part })

const hourly = (who: Person, days: number) => {
  const heart = createHeart(who, createRandom(5), startMs)
  return Array.from({ length: days * 24 }, (_, hour) =>
    mean(Array.from({ length: 60 }, (_, minute) => 60_000 / heart(startMs + hour * hourMs + minute * 60_000))),
  )
}

test('pulse is whole beats of a living person, and moves', () => {
  const pulse = createPulse(createRandom(7), startMs)
  const values = Array.from({ length: 20_000 }, (_, i) => pulse.sample(startMs + i * 60_000)[0] as number)
  expect(values.every(Number.isInteger)).toBe(true)
  expect(Math.min(...values)).toBeGreaterThanOrEqual(30)
  expect(Math.max(...values)).toBeLessThanOrEqual(220)
  expect(new Set(values.slice(0, 60)).size).toBeGreaterThan(4)
})

test('heart is slower by the dip at night, and as fast as ever when the person has none', () => {
  const at = (hours: number[], hour: number) => mean(hours.filter((_, i) => i % 24 === hour))
  const dipper = hourly(person({ nightDip: 0.15 }), 20)
  expect(at(dipper, 4) / at(dipper, 16)).toBeCloseTo(0.85, 1)
  expect(at(dipper, 4)).toBeLessThan(62)
  const other = hourly(person({}), 20)
  expect(Math.abs(at(other, 4) - at(other, 16))).toBeLessThan(1.5)
})

test('heart beats faster for some hours of the day, never for whole nights, when there is exercise', () => {
  const active = hourly(person({ exercisePerDay: 6 }), 30)
  const fast = active.flatMap((bpm, hour) => (bpm > 80 ? [hour % 24] : []))
  expect(fast.length).toBeGreaterThan(20)
  expect(fast.filter((hour) => hour >= 1 && hour < 5).length).toBeLessThan(fast.length / 20)
})

test('heart falls back slowly after exercise', () => {
  const heart = createHeart(person({ exercisePerDay: 20 }), createRandom(11), startMs)
  const bpm = Array.from({ length: 24 * 360 }, (_, i) => 60_000 / heart(startMs + i * 10_000))
  const smooth = bpm.map((_, i) => mean(bpm.slice(Math.max(0, i - 5), i + 1)))
  expect(Math.max(...smooth)).toBeGreaterThan(95)
  // No step of 10 s, smoothed over a minute, is as large as the whole effort.
  for (let i = 1; i < smooth.length; i++)
    expect(Math.abs((smooth[i] as number) - (smooth[i - 1] as number))).toBeLessThan(12)
})
