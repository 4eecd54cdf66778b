import { expect, test } from 'vitest'
import { durationMs, durationText } from './duration.ts'

test.each([
  ['0s', 0],
  ['500ms', 500],
  ['90s', 90_000],
  ['10min', 600_000],
  ['12h', 43_200_000],
  ['30 d', 2_592_000_000],
])('durationMs gives milliseconds when %s is given', (text, ms) => {
  expect(durationMs(text)).toBe(ms)
})

test.each(['', '10', '10m', '10 minutes', '1.5h', '-1s', '1  s', 's', '999999999999d'])(
  'durationMs gives null when %j is given',
  (text) => expect(durationMs(text)).toBeNull(),
)

test('durationText names the largest unit when nothing is left over', () => {
  expect([2_592_000_000, 600_000, 90_000, 1_500, 0].map(durationText)).toEqual(['30d', '10min', '90s', '1500ms', '0ms'])
})
