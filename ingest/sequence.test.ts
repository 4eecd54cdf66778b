import { expect, test } from 'vitest'
import { limits } from '../telemetry/limits.ts'
import {
  type BootCount,
  beginCount,
  countOf,
  expectedMs,
  type Gap,
  gapOf,
  lastBefore,
  type Place,
  placeOf,
  takeReport,
  unwrap,
} from './sequence.ts'

/** Takes sequence numbers as ingest does, a second apart; answers the place of each. */
function takeAll(sequences: number[], counts: BootCount[] = []): Place[] {
  return sequences.map((sequence) => {
    const count = countOf(counts, 0)
    const atMs = sequence * 1000
    const place = count === null ? 'begins' : placeOf(count, sequence, atMs)
    if (count === null || place === 'begins') beginCount(counts, 0, sequence, atMs, atMs, 0)
    else if (place !== 'seen') takeReport(count, sequence, place, atMs, atMs)
    return place
  })
}

test('sequence tells what is next, missing, late and seen', () => {
  expect(takeAll([5, 6, 9, 7, 7, 8, 8, 6, 3, 4, 4, 10])).toEqual([
    'begins',
    'next',
    'gap',
    'fills',
    'seen',
    'fills',
    'seen',
    'seen',
    'older',
    'fills',
    'seen',
    'next',
  ])
})

test.each([
  [65_535, 65_530, 16, 65_535],
  [0, 65_535, 16, 65_536],
  [3, 65_535, 16, 65_539],
  [65_530, 65_540, 16, 65_530],
  [255, 256, 8, 255],
  [2, 700, 8, 770],
  [17, 900, undefined, 17],
])('sequence %i after %i of %s bits is %i', (sequence, highest, bits, unwrapped) => {
  expect(unwrap(sequence, highest, bits)).toBe(unwrapped)
})

test('sequence begins anew when an earlier number was measured later', () => {
  const counts: BootCount[] = []
  takeAll([100, 101], counts)
  const count = countOf(counts, 0) as BootCount
  expect(placeOf(count, 1, 102_000)).toBe('begins')
  expect(placeOf(count, 100, 100_000)).toBe('seen')
  expect(placeOf(count, 100, null)).toBe('seen')
  expect(placeOf(count, 101 + limits.sequenceGapMax + 2, 103_000)).toBe('begins')
})

test('sequence takes what it has forgotten for new, never for seen', () => {
  const counts: BootCount[] = []
  const gaps = limits.sequenceGapsRemembered + 10
  takeAll(
    Array.from({ length: gaps + 1 }, (_, i) => i * 2),
    counts,
  )
  const count = countOf(counts, 0) as BootCount
  expect(count.gaps).toHaveLength(limits.sequenceGapsRemembered)
  expect(placeOf(count, 0, null)).toBe('older')
  expect(placeOf(count, 2 * gaps, null)).toBe('seen')
})

test('sequence remembers the boots that began last', () => {
  const counts: BootCount[] = []
  for (let boot = 0; boot < limits.bootsRemembered + 2; boot++) beginCount(counts, boot, 0, 0, 0, 0)
  expect(counts.map((count) => count.boot)).toEqual(Array.from({ length: limits.bootsRemembered }, (_, i) => i + 2))
  expect(countOf(counts, 0)).toBeNull()
})

test('sequence expects missing reports at equal distances, also after a part of them came', () => {
  const counts: BootCount[] = []
  takeAll([0, 10], counts)
  const count = countOf(counts, 0) as BootCount
  const before = [3, 7].map((sequence) => expectedMs(gapOf(count, sequence) as Gap, sequence))
  expect(before).toEqual([3000, 7000])
  takeReport(count, 5, 'fills', 5000, 5000)
  expect([3, 7].map((sequence) => expectedMs(gapOf(count, sequence) as Gap, sequence))).toEqual(before)
})

test('sequence finds the last report of a gap that was expected before a time', () => {
  const gaps = [
    [0, 10, 0, 10_000],
    [5, 100_005, 1e12, 1e12 + 31 * 86_400_000],
    [3, 4, 7, 7.5],
    [1, 50, 9, 9],
  ] as const
  for (const [from, to, afterMs, beforeMs] of gaps) {
    const gap: Gap = { from: from + 1, to, wholeFrom: from, wholeTo: to, afterMs, beforeMs }
    for (let i = 0; i <= 20; i++) {
      const untilMs = afterMs + ((beforeMs - afterMs) * (i + 1)) / 20
      let last = gap.from
      while (last < gap.to && expectedMs(gap, last + 1) < untilMs) last++
      expect(lastBefore(gap, gap.from, untilMs)).toBe(last)
    }
  }
})
