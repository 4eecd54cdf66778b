/** Boots are counted once, whether their numbers count or are drawn by lot. */
import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { createReboots, isLooping, rebootsADay, takeBoot } from './reboots.ts'

const hourMs = 3_600_000

test('reboots of the last day are counted, and a late report of an earlier boot is none', () => {
  const reboots = createReboots(7)
  for (const [hour, boot] of [
    [1, 8],
    [2, 7],
    [3, 9_999],
    [4, 8],
    [20, 12],
  ] as const)
    takeBoot(reboots, boot, hour * hourMs)
  expect(rebootsADay(reboots, 20 * hourMs)).toBe(3)
  expect(rebootsADay(reboots, 26 * hourMs)).toBe(2)
})

test('a loop is told from a boot now and then', () => {
  const loop = createReboots(0)
  const calm = createReboots(0)
  for (let i = 1; i <= 6; i++) {
    takeBoot(loop, i, i * 60_000)
    takeBoot(calm, i, i * 3 * hourMs)
  }
  expect([isLooping(loop, 7 * 60_000), isLooping(calm, 18 * hourMs)]).toEqual([true, false])
})

test('reboots take no more memory when there is no end of them', () => {
  const reboots = createReboots(0)
  for (let i = 1; i <= 10_000; i++) takeBoot(reboots, i, i)
  expect(reboots.atMs).toHaveLength(limits.healthBootsMax)
  expect(reboots.known.length).toBeLessThan(10)
})
