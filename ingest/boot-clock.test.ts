import { expect, test } from 'vitest'
import { limits } from '../telemetry/limits.ts'
import { type BootClock, fitBootClock, uncertaintyMs } from './boot-clock.ts'

const startMs = 1_700_000_000_000

/** Reports of a device that started at startMs: uptime and delay, milliseconds. */
function run(reports: Array<[uptimeMs: number, delayMs: number]>): BootClock {
  let clock: BootClock | null = null
  for (const [uptimeMs, delayMs] of reports) clock = fitBootClock(clock, 1, uptimeMs, startMs + uptimeMs + delayMs)
  return clock as BootClock
}

test('boot clock goes by the report with the smallest delay', () => {
  expect(
    run([
      [1000, 900],
      [2000, 40],
      [3000, 5000],
    ]).startMs,
  ).toBe(startMs + 40)
})

test('boot clock is not moved by a backlog that comes late', () => {
  const clock = run([
    [60_000, 30],
    [120_000, 3_600_000],
    [180_000, 3_540_000],
  ])
  expect(clock.startMs).toBe(startMs + 30)
})

test('boot clock tells that one report says nothing about its delay, and gets surer with each', () => {
  const first = run([[1000, 200]])
  expect(uncertaintyMs(first, startMs + 1200)).toBe(limits.timeUncertaintyMsFirst)
  const reports = Array.from({ length: 20 }, (_, i) => [i * 1000, (i * 137) % 400] as [number, number])
  const after = run(reports)
  const sure = uncertaintyMs(after, after.fittedAtMs)
  expect(sure).toBeGreaterThan(0)
  expect(sure).toBeLessThan(400 / 10)
  // Truth lies within what it says.
  expect(Math.abs(after.startMs - startMs)).toBeLessThanOrEqual(sure)
})

test('boot clock follows a quartz that runs slow, and one that runs fast', () => {
  const day = 86_400_000
  for (const ppm of [-80, 80]) {
    let clock: BootClock | null = null
    for (let i = 0; i <= 48; i++) {
      const trueMs = (i * day) / 24
      const uptimeMs = trueMs * (1 + ppm / 1e6)
      clock = fitBootClock(clock, 1, uptimeMs, startMs + trueMs + 50)
      const offBy = Math.abs(clock.startMs + uptimeMs - (startMs + trueMs))
      expect(offBy).toBeLessThanOrEqual(50 + (2 * limits.deviceDriftPpm * 3_600_000) / 1e6)
    }
  }
})

test('boot clock grows less sure while nothing better comes', () => {
  const clock = run([
    [0, 10],
    [1000, 20],
  ])
  const soon = uncertaintyMs(clock, clock.fittedAtMs + 1000)
  expect(uncertaintyMs(clock, clock.fittedAtMs + 86_400_000)).toBeGreaterThan(soon + 1000)
})
