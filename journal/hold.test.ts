import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createHold } from './hold.ts'

/** So many milliseconds do `groups` holds take. */
async function timeOf(groups: number, countOf: (sinceMs: number) => number, pauseMs = 0): Promise<number> {
  const hold = createHold()
  let total = 0
  for (let i = 0; i < groups; i++) {
    const startedAt = performance.now()
    await hold(() => countOf(performance.now() - startedAt))
    total += performance.now() - startedAt
    if (pauseMs > 0) await sleep(pauseMs)
  }
  return total
}

test('hold lets a lone record go at once', async () => {
  expect(await timeOf(70, () => 1, 8)).toBeLessThan(35)
})

test('hold waits for others while records trickle in', async () => {
  // Two a millisecond: after the first trial each of the groups is held.
  expect(await timeOf(164, (sinceMs) => 1 + 2 * Math.floor(sinceMs))).toBeGreaterThan(100)
})

test('hold is tried now and then only when senders wait for their PUBACK', async () => {
  expect(await timeOf(640, () => 5)).toBeLessThan(640)
})

test('hold lets a crowd go at once', async () => {
  expect(await timeOf(640, () => 32)).toBeLessThan(100)
})
