import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { createLink, perfectLink } from './link.ts'

const random = (seed = 5) => createRandom(seed)

test('link without faults passes at once, in any direction', () => {
  const link = createLink(perfectLink, random(), 0)
  expect([link.arrivalMs('up', 10, 1000), link.arrivalMs('down', 20, 1)]).toEqual([10, 20])
  expect([link.outage(1e9), link.nextOutage(0), link.repeatAfterMs()]).toEqual([null, null, null])
})

test('link loses as Gilbert and Elliott say: p/(p+r) of the packets, in bursts of 1/r', () => {
  const [p, r] = [0.02, 0.3]
  const link = createLink({ ...perfectLink, goodToBad: p, badToGood: r, lossInBad: 1 }, random(), 0)
  let lost = 0
  let bursts = 0
  let wasLost = false
  const packets = 200_000
  for (let i = 0; i < packets; i++) {
    // So far apart that a wait never reaches the next one.
    const nowMs = i * 100_000
    const waitMs = link.arrivalMs('up', nowMs, 100) - nowMs
    // A wait of 1, 3, 7 ... s: so many tries were lost.
    const tries = Math.round(Math.log2(waitMs / 1000 + 1))
    lost += tries
    if (tries > 0 && !wasLost) bursts++
    wasLost = tries > 0
  }
  const sent = packets + lost
  expect(lost / sent).toBeGreaterThan((p / (p + r)) * 0.9)
  expect(lost / sent).toBeLessThan((p / (p + r)) * 1.1)
  expect(lost / bursts).toBeGreaterThan((1 / r) * 0.85)
  expect(lost / bursts).toBeLessThan((1 / r) * 1.15)
})

test('link keeps the order of a direction, and what is lost holds up what comes behind it', () => {
  const profile = { ...perfectLink, latencyMs: 80, jitterMs: 60, goodToBad: 0.2, badToGood: 0.5, lossInBad: 0.9 }
  const link = createLink(profile, random(), 0)
  let last = 0
  for (let nowMs = 0; nowMs < 20_000; nowMs += 7) {
    const atMs = link.arrivalMs('up', nowMs, 50)
    expect(atMs).toBeGreaterThanOrEqual(Math.max(last, nowMs))
    last = atMs
  }
})

test('link of so many bits a second is a queue, each way one', () => {
  const link = createLink({ ...perfectLink, bitsPerS: 8000 }, random(), 0)
  expect([link.arrivalMs('up', 0, 500), link.arrivalMs('up', 0, 500), link.arrivalMs('down', 0, 100)]).toEqual([
    500, 1000, 100,
  ])
  expect(link.arrivalMs('up', 5000, 500)).toBe(5500)
})

test('link is away as often and as long as its profile says, part of it without a word', () => {
  const profile = { ...perfectLink, outageEveryS: 3600, outageLastsS: 600, halfOpen: 0.25 }
  const link = createLink(profile, random(), 0)
  let [count, lengthMs, halfOpen, fromMs] = [0, 0, 0, 0]
  for (let nowMs = 0; count < 5000; ) {
    const next = link.nextOutage(nowMs)
    if (next === null) throw new Error('no outage')
    expect(next.fromMs).toBeGreaterThanOrEqual(fromMs)
    expect(link.outage(next.fromMs)).toBe(next)
    count++
    lengthMs += next.toMs - next.fromMs
    if (next.isHalfOpen) halfOpen++
    fromMs = nowMs = next.toMs
  }
  expect(Math.abs(lengthMs / count / 600_000 - 1)).toBeLessThan(0.05)
  expect(Math.abs(fromMs / count / 4_200_000 - 1)).toBeLessThan(0.05)
  expect(Math.abs(halfOpen / count - 0.25)).toBeLessThan(0.03)
})
