/** What cannot be true is told from what is only rare or quiet. */
import { expect, test } from 'vitest'
import { createWatched, isStuck, watch } from './stuck.ts'

const hourMs = 3_600_000

function impossible(unit: string, values: number[]): string | null {
  const watched = createWatched(values[0] as number, unit, 0)
  for (const value of values.slice(1)) watch(watched, value, unit, 1)
  return watched.impossible
}

test.each([
  ['Cel', [20, -127]],
  ['Cel', [20, 85]],
  ['Cel', [-300]],
  ['%RH', [50, 130]],
  ['hPa', [1013, 0]],
  ['', [3, 65_535]],
  ['mm', [65_535]],
  ['V', [Number.NaN]],
  ['V', [Number.POSITIVE_INFINITY]],
])('a value in %j is impossible when it comes as the last of %j', (unit, values) => {
  expect(impossible(unit, values)).not.toBe(null)
})

test.each([
  ['Cel', [80, 85]],
  ['Cel', [20, -127, 21]],
  ['', [65_500, 65_535]],
  ['%RH', [100]],
  ['beat/min', [0]],
  ['', [-127]],
])('a value in %j is possible when it comes as the last of %j', (unit, values) => {
  expect(impossible(unit, values)).toBe(null)
})

/** Hourly readings. */
function hourly(values: number[]) {
  const watched = createWatched(values[0] as number, 'mm', 0)
  for (const [i, value] of values.entries()) watch(watched, value, 'mm', i * hourMs)
  return { watched, nowMs: (values.length - 1) * hourMs }
}
const lively = Array.from({ length: 50 }, (_, i) => i)
const still = (hours: number) => Array.from({ length: hours }, () => 7)

test('a value is stuck when it stays much longer than ever before', () => {
  const { watched, nowMs } = hourly([...lively, ...still(30)])
  expect(isStuck(watched, nowMs)).toBe(true)
  expect(isStuck(hourly([...lively, ...still(20)]).watched, 69 * hourMs)).toBe(false)
})

test('a value is not stuck when its channel is quiet for days by its nature', () => {
  const dry = [...lively, ...still(72), ...lively, ...still(200)]
  const { watched, nowMs } = hourly(dry)
  expect(isStuck(watched, nowMs)).toBe(false)
})

test('a value is not stuck when it never changed', () => {
  const { watched, nowMs } = hourly(still(5000))
  expect(isStuck(watched, nowMs)).toBe(false)
})

test('a value is not stuck when the device only was away', () => {
  const { watched } = hourly([...lively, 7])
  expect(isStuck(watched, 500 * hourMs)).toBe(false)
})
