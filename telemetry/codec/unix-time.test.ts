import { expect, test } from 'vitest'
import { timeMsOf, unixTimeMs } from './unix-time.ts'

test.each([
  [1_700_000_000, 1_700_000_000_000],
  [1_700_000_000.123456, 1_700_000_000_123.456],
  [1_700_000_000_123, 1_700_000_000_123],
  [1_700_000_000_123_456, 1_700_000_000_123.456],
  [1_700_000_000_123_456_789n, 1_700_000_000_123.4568],
  [0, 0],
  ['2023-11-14T22:13:20Z', 1_700_000_000_000],
  ['2023-11-15T00:13:20.25+02:00', 1_700_000_000_250],
  ['2023-11-14 22:13:20', 1_700_000_000_000],
  ['2023-11-14', 1_699_920_000_000],
])('time since 1970 is read when it is %s', (given, timeMs) => {
  expect(unixTimeMs(given)).toBeCloseTo(timeMs, 3)
})

test.each([
  -1,
  9.3e12,
  1e300,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  'yesterday',
  '2023',
  '2023-13-45',
  `2023-11-14T22:13:20.${'0'.repeat(100)}Z`,
  true,
  {},
  undefined,
])('time since 1970 is refused when it is %s', (given) => {
  expect(unixTimeMs(given)).toBeNull()
})

test('a time before now is 0 or negative, an uptime 0 or positive', () => {
  expect(timeMsOf('now', -1.5)).toBe(-1500)
  expect(timeMsOf('now', -0)).toBe(0)
  expect(timeMsOf('now', 30)).toBeNull()
  expect(timeMsOf('boot', 3600.25)).toBe(3_600_250)
  expect(timeMsOf('boot', 12n)).toBe(12_000)
  expect(timeMsOf('boot', -1)).toBeNull()
  expect(timeMsOf('boot', '12')).toBeNull()
  expect(timeMsOf('boot', Number.POSITIVE_INFINITY)).toBeNull()
})
