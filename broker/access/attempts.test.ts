import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { createAttempts } from './attempts.ts'

let now = 1_000
const create = (free = 2) => createAttempts({ free, waitMsMax: 10_000, nowMs: () => now })

test('attempts cost waits that double from the first that is not free, up to the most', () => {
  const attempts = create()
  const waits: number[] = []
  for (let i = 0; i < 9; i++) {
    attempts.failed('a')
    waits.push(attempts.waitMs('a'))
  }
  expect(waits).toEqual([0, 0, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000])
  expect(attempts.waitMs('b')).toBe(0)
  now += 4_000
  expect(attempts.waitMs('a')).toBe(6_000)
})

test('attempts are forgiven by a right one, and forgotten after a quiet time', () => {
  const attempts = create(0)
  attempts.failed('a')
  attempts.forgive('a')
  expect(attempts.waitMs('a')).toBe(0)
  for (let i = 0; i < 5; i++) attempts.failed('a')
  now += 10_000 + 10 * 60_000 + 1
  attempts.failed('a')
  expect(attempts.waitMs('a')).toBe(1_000)
})

test('attempts forget who failed longest ago when there are more than the limit', () => {
  const attempts = create(0)
  for (let i = 0; i <= limits.attemptsRememberedMax; i++) attempts.failed(`address-${i}`)
  expect(attempts.size()).toBe(limits.attemptsRememberedMax)
  expect(attempts.waitMs('address-0')).toBe(0)
  expect(attempts.waitMs('address-1')).toBeGreaterThan(0)
})
