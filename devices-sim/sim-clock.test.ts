import { expect, test } from 'vitest'
import { createRandom } from './random.ts'
import { createVirtualClock } from './sim-clock.ts'

test('virtual clock runs what is due in the order of times, and of calls where times are equal', () => {
  const random = createRandom(7)
  const clock = createVirtualClock(1000)
  const wanted = Array.from({ length: 500 }, (_, nth) => ({ timeMs: 1000 + random.below(50), nth }))
  const ran: typeof wanted = []
  for (const it of wanted) clock.at(it.timeMs, () => ran.push(it))
  clock.runUntil(1100)
  expect(ran).toEqual(wanted.toSorted((a, b) => a.timeMs - b.timeMs || a.nth - b.nth))
  expect(clock.nowMs()).toBe(1100)
})

test('virtual clock stands at the time of what it runs, and runs what that asks for in time', () => {
  const clock = createVirtualClock(0)
  const seen: number[] = []
  const tick = () => {
    seen.push(clock.nowMs())
    clock.at(clock.nowMs() + 10, tick)
  }
  clock.at(5, tick)
  clock.runUntil(30)
  expect(seen).toEqual([5, 15, 25])
  expect(clock.nextMs()).toBe(35)
})

test('virtual clock forgets what was called off', () => {
  const clock = createVirtualClock(0)
  let ran = 0
  const forget = clock.at(10, () => ran++)
  clock.at(20, () => ran++)
  forget()
  expect(clock.nextMs()).toBe(20)
  clock.runUntil(100)
  expect(ran).toBe(1)
  expect(clock.nextMs()).toBeNull()
})
