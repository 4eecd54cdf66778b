import { expect, test } from 'vitest'
import { createRandom } from './random.ts'
import { createRealClock, createVirtualClock } from './sim-clock.ts'

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

test('real clock keeps the order of times, whenever they were asked for', async () => {
  const random = createRandom(9)
  const clock = createRealClock()
  const startMs = clock.nowMs()
  const ran: Array<{ timeMs: number; nth: number }> = []
  await new Promise<void>((resolve) => {
    for (let nth = 0; nth < 3000; nth++) {
      const it = { timeMs: startMs + random.below(60), nth }
      clock.at(it.timeMs, () => {
        expect(clock.nowMs()).toBeGreaterThanOrEqual(it.timeMs)
        ran.push(it)
        if (ran.length === 3000) resolve()
      })
    }
  })
  expect(ran).toEqual(ran.toSorted((a, b) => a.timeMs - b.timeMs || a.nth - b.nth))
})

test('real clock runs what is long past at once, but never within the call, and forgets what was called off', async () => {
  const clock = createRealClock()
  const ran: string[] = []
  const forget = clock.at(clock.nowMs() + 10, () => ran.push('forgotten'))
  clock.at(0, () => ran.push('past'))
  expect(ran).toEqual([])
  forget()
  await new Promise<void>((resolve) => clock.at(clock.nowMs() + 20, resolve))
  expect(ran).toEqual(['past'])
})
