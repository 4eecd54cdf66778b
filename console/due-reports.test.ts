/** Reports without numbers are missing when the interval says so, and never for the border of an hour. */
import { expect, test } from 'vitest'
import { missingByInterval } from './due-reports.ts'

const hourMs = 3_600_000
const missing = (received: number[], everyMs: number) =>
  missingByInterval(
    received.map((count) => ({ received: count, lastsMs: hourMs })),
    everyMs,
  )

test('no report is missing when one slips over the border of an hour', () => {
  expect(missing([60, 59, 61, 61, 59, 60], 60_000)).toEqual([0, 0, 0, 0, 0, 0])
})

test('reports are missing in the hour that lacks them', () => {
  expect(missing([60, 50, 60, 0, 60], 60_000)).toEqual([0, 10, 0, 60, 0])
})

test('a report of a rare reporter is missing once when it did not come', () => {
  const received = [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
  const found = missing(received, 6 * hourMs)
  expect(found.reduce((a, b) => a + b)).toBe(1)
  expect(found.indexOf(1)).toBeGreaterThan(12)
})

test('an hour that has only begun wants no more than its part', () => {
  expect(missingByInterval([{ received: 10, lastsMs: hourMs / 6 }], 60_000)).toEqual([0])
  expect(missingByInterval([{ received: 0, lastsMs: hourMs / 6 }], 60_000)).toEqual([10])
})

test('a flood of reports pays for no later hour', () => {
  expect(missing([600, 0, 60], 60_000)).toEqual([0, 59, 0])
})
