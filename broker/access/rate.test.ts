import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { createRate } from './rate.ts'
import { createThrottle } from './throttle.ts'

test('rate lets a burst of messages through, then as many as the limit', () => {
  const rate = createRate()
  for (let i = 0; i < limits.deviceMessagesBurst; i++) expect(rate.waitMs(10, 1_000)).toBe(0)
  const waits = Array.from({ length: limits.deviceMessagesPerS }, () => rate.waitMs(10, 1_000))
  expect(waits.at(-1)).toBeGreaterThan(900)
  expect(waits.at(-1)).toBeLessThanOrEqual(1_000)
  expect(waits).toEqual(waits.toSorted((a, b) => a - b))
  // After a quiet time the whole burst is there again, and no more.
  const laterMs = 1_000_000
  for (let i = 0; i < limits.deviceMessagesBurst; i++) expect(rate.waitMs(10, laterMs)).toBe(0)
  rate.waitMs(10, laterMs)
  expect(rate.waitMs(10, laterMs)).toBeGreaterThan(0)
})

test('rate counts bytes, too', () => {
  const rate = createRate()
  let taken = 0
  while (rate.waitMs(limits.packetBytesMax, 1_000) === 0) taken += limits.packetBytesMax
  expect(taken).toBeGreaterThanOrEqual(limits.deviceBytesBurst)
  expect(taken).toBeLessThanOrEqual(limits.deviceBytesBurst + 2 * limits.packetBytesMax)
})

test('throttle lets nothing overtake what is held of the same client', async () => {
  const throttle = createThrottle()
  const [slow, other] = [{}, {}]
  const order: number[] = []
  const holds = [30, 1, 0].map((waitMs, i) => throttle.hold(slow, waitMs)?.then(() => order.push(i)))
  expect(throttle.hold(other, 0)).toBeNull()
  await Promise.all(holds)
  expect(order).toEqual([0, 1, 2])
  await sleep(0)
  expect(throttle.hold(slow, 0)).toBeNull()
})

test('rate that is asked what it takes now counts nothing that it does not take', () => {
  const rate = createRate()
  let taken = 0
  while (rate.takesNow(10, 1_000)) taken++
  expect(taken).toBeGreaterThanOrEqual(limits.deviceMessagesBurst)
  expect(taken).toBeLessThanOrEqual(limits.deviceMessagesBurst + 1)
  for (let i = 0; i < 100; i++) expect(rate.takesNow(10, 1_000)).toBe(false)
  expect(rate.waitMs(10, 1_000)).toBeLessThanOrEqual(Math.ceil(1000 / limits.deviceMessagesPerS))
})

test('rate that goes on elsewhere takes no more than one that does not', () => {
  const [one, other] = [createRate(), createRate()]
  let taken = 0
  for (let round = 0; round < 200; round++) {
    const [from, to] = round % 2 === 0 ? [one, other] : [other, one]
    for (let i = 0; i < 100; i++) if (from.takesNow(10, round)) taken++
    to.catchUp(from.ahead(round), round)
  }
  expect(taken).toBeGreaterThanOrEqual(limits.deviceMessagesBurst)
  expect(taken).toBeLessThanOrEqual(limits.deviceMessagesBurst + limits.deviceMessagesPerS * 0.2 + 1)
})
