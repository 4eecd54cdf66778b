import { expect, test } from 'vitest'
import { dateMs } from './date.ts'

test.each([
  ['2026-05-01', Date.UTC(2026, 4, 1)],
  ['2024-02-29', Date.UTC(2024, 1, 29)],
  ['2026-05-01T12:30', Date.UTC(2026, 4, 1, 12, 30)],
  ['2026-05-01T12:30:15.5Z', Date.UTC(2026, 4, 1, 12, 30, 15, 500)],
  ['2026-05-01T12:30+02:00', Date.UTC(2026, 4, 1, 10, 30)],
])('dateMs gives milliseconds when %s is given', (text, ms) => {
  expect(dateMs(text)).toBe(ms)
})

test.each([
  '',
  '2026',
  '2026-05',
  '1.5.2026',
  '2026-02-29',
  '2026-04-31',
  '2026-13-01',
  '2026-05-01T25:00',
  '2026-05-01 12:00',
  'May 1',
])('dateMs gives null when %j is given', (text) => expect(dateMs(text)).toBeNull())
