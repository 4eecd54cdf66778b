import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Fleet } from './fleet.ts'
import { startOutages } from './outages.ts'
import { createRandom } from './random.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const watch = () => {
  const away = new Set<number>()
  let outages = 0
  const fleet = {
    stats: () => ({ devices: 25 }),
    unplug(index: number) {
      outages++
      away.add(index)
    },
    plug: (index: number) => away.delete(index),
  } as unknown as Fleet
  return { fleet, away, outages: () => outages }
}

test('outages take one device away at a time, about every 30 s', () => {
  const { fleet, away, outages } = watch()
  const stop = startOutages(fleet, createRandom(7))
  for (let second = 0; second < 600; second++) {
    vi.advanceTimersByTime(1000)
    expect(away.size).toBeLessThanOrEqual(1)
  }
  expect(outages()).toBeGreaterThan(14)
  expect(outages()).toBeLessThan(28)
  stop()
})

test('outages plug the device in again when they are stopped', () => {
  const { fleet, away, outages } = watch()
  const stop = startOutages(fleet, createRandom(7))
  while (away.size === 0) vi.advanceTimersByTime(1000)
  stop()
  expect(away.size).toBe(0)
  const before = outages()
  vi.advanceTimersByTime(600_000)
  expect(outages()).toBe(before)
})
