import { expect, test } from 'vitest'
import { type CounterState, countUp } from './counter.ts'

/** A gauge of 0.2 mm on a 16-bit counter; more than 400 mm/h does not fall. */
const rule = { bits: 16, per: 0.2, maxPerHour: 400 }
const minute = 60_000

/** Reports one after the other: raw number, minutes, boot. */
function run(reports: Array<[raw: number, minutes: number, boot?: number]>, by = rule) {
  let state: CounterState | null = null
  const events: Array<[string, number | null]> = []
  for (const [raw, minutes, boot] of reports) {
    const counted = countUp(by, state, raw, minutes * minute, boot ?? null)
    state = counted.state
    events.push([counted.event, counted.amount])
  }
  return events
}

test('counter gives what was added, in tidy decimals', () => {
  expect(
    run([
      [10, 0],
      [13, 5],
      [13, 10],
    ]),
  ).toEqual([
    ['first', null],
    ['counted', 0.6],
    ['counted', 0],
  ])
})

test('counter takes a lower number for a wrap when that can have fallen', () => {
  expect(
    run([
      [65_530, 0],
      [3, 10],
    ]),
  ).toEqual([
    ['first', null],
    ['wrapped', 1.8],
  ])
})

test('counter takes a lower number for a restart when a wrap cannot have fallen', () => {
  expect(
    run([
      [5000, 0],
      [4, 10],
    ]),
  ).toEqual([
    ['first', null],
    ['restarted', 0.8],
  ])
})

test('counter goes by the boot when the device tells it', () => {
  // Without the boot this would pass for a wrap, and be phantom rain.
  expect(
    run([
      [65_000, 0, 1],
      [100, 600, 2],
    ]),
  ).toEqual([
    ['first', null],
    ['restarted', 20],
  ])
  expect(
    run([
      [65_000, 0, 1],
      [100, 600, 1],
    ]),
  ).toEqual([
    ['first', null],
    ['wrapped', 127.2],
  ])
})

test('counter of 7 bits gives no phantom rain when the number falls within a minute', () => {
  const narrow = { bits: 7, per: 0.254, maxPerHour: 400 }
  expect(
    run(
      [
        [100, 0],
        [60, 1],
        [101, 2],
      ],
      narrow,
    ),
  ).toEqual([
    ['first', null],
    ['glitch', null],
    ['counted', 0.254],
  ])
})

test('counter refuses a leap, and goes on from there when the next report does', () => {
  expect(
    run([
      [10, 0],
      [9000, 1],
      [11, 2],
    ]),
  ).toEqual([
    ['first', null],
    ['glitch', null],
    ['counted', 0.2],
  ])
  expect(
    run([
      [10, 0],
      [9000, 1],
      [9002, 2],
      [9003, 3],
    ]),
  ).toEqual([
    ['first', null],
    ['glitch', null],
    ['rebased', 0.4],
    ['counted', 0.2],
  ])
})

test('counter gives nothing for a report that was measured before the last one', () => {
  expect(
    run([
      [10, 0],
      [14, 10],
      [12, 5],
      [15, 15],
    ]),
  ).toEqual([
    ['first', null],
    ['counted', 0.8],
    ['late', null],
    ['counted', 0.2],
  ])
})

test.each([-1, 65_536, 1.5, Number.NaN])('counter does not take %s, and forgets nothing for it', (raw) => {
  expect(
    run([
      [10, 0],
      [raw, 1],
      [11, 2],
    ]),
  ).toEqual([
    ['first', null],
    ['invalid', null],
    ['counted', 0.2],
  ])
})

test('counter allows more the longer it was away', () => {
  expect(
    run([
      [0, 0],
      [2000, 30],
    ])[1],
  ).toEqual(['glitch', null])
  expect(
    run([
      [0, 0],
      [2000, 120],
    ])[1],
  ).toEqual(['counted', 400])
})

test('counter takes a later boot, and within one a higher count, for later, whatever the device clock seems to say', () => {
  const last = { raw: 10, atMs: 1_000_000, boot: 3, suspect: null }
  const rule = { bits: 16, per: 0.2, maxPerHour: 400 }
  const later = countUp(rule, last, 12, 990_000, 3)
  expect(later).toEqual({ event: 'counted', amount: 0.4, state: { ...last, raw: 12 } })
  expect(countUp(rule, last, 2, 990_000, 4)).toMatchObject({ event: 'restarted', amount: 0.4 })
  // What came before, an earlier boot's, none at all, what cannot have come in that time, or the same again.
  expect(countUp(rule, last, 9, 990_000, 3).event).toBe('late')
  expect(countUp(rule, last, 12, 990_000, 2).event).toBe('late')
  expect(countUp(rule, { ...last, boot: null }, 12, 990_000, null).event).toBe('late')
  expect(countUp(rule, last, 5000, 990_000, 3).event).toBe('late')
  expect(countUp(rule, last, 12, 990_000, 3, true).event).toBe('late')
})
