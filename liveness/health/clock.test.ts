/** A clock that drifts is told from one that was set. */
import { expect, test } from 'vitest'
import { type DeviceClock, driftPpm, takeClock } from './clock.ts'

const hourMs = 3_600_000

function after(errors: Array<[hour: number, errorMs: number]>): DeviceClock {
  let clock: DeviceClock | null = null
  for (const [hour, errorMs] of errors) clock = takeClock(clock, errorMs, hour * hourMs)
  return clock as DeviceClock
}

test('a drift is known when the clock has run for hours', () => {
  // 72 ms an hour are 20 ppm.
  expect(
    driftPpm(
      after([
        [0, 0],
        [2, 144],
      ]),
    ),
  ).toBe(null)
  expect(
    driftPpm(
      after([
        [0, 0],
        [5, 360],
        [10, 720],
      ]),
    ),
  ).toBeCloseTo(20)
})

test('a drift begins anew when the clock was set', () => {
  const clock = after([
    [0, 0],
    [10, 720],
    [11, 90_000],
    [21, 90_720],
  ])
  expect(clock).toMatchObject({ setAtMs: 11 * hourMs, errorMs: 90_720 })
  expect(driftPpm(clock)).toBeCloseTo(20)
})
