import { expect, test } from 'vitest'
import { createPace } from './pace.ts'

function paced() {
  let nowMs = 1_000
  const pace = createPace(20, () => nowMs)
  const wait = (ms: number) => {
    nowMs += ms
  }
  return { pace, wait, take: (ms: number) => pace.run(async () => wait(ms)) }
}

test('work is due again when it has taken its part of the time', async () => {
  const { pace, wait, take } = paced()
  expect(pace.isDue()).toBe(true)
  await take(300)
  wait(19 * 300 - 1)
  expect(pace.isDue()).toBe(false)
  wait(1)
  expect(pace.isDue()).toBe(true)
  await take(1)
  wait(19)
  expect(pace.isDue()).toBe(true)
})

test('work is due at once when it failed', async () => {
  const { pace, wait } = paced()
  const failed = pace.run(async () => {
    wait(300)
    throw new Error('no space left')
  })
  await expect(failed).rejects.toThrow('no space left')
  expect(pace.isDue()).toBe(true)
})

test('work that is not due is done when it must be', async () => {
  const { pace, take } = paced()
  let done = 0
  await take(300)
  await pace.run(async () => {
    done++
  })
  expect(done).toBe(1)
})
