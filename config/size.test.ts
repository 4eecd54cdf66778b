import { expect, test } from 'vitest'
import { sizeBytes, sizeText } from './size.ts'

test.each([
  [134_217_728, 134_217_728],
  ['134217728', 134_217_728],
  ['512KiB', 524_288],
  ['512MiB', 536_870_912],
  ['2GiB', 2_147_483_648],
  ['2 GiB', 2_147_483_648],
  ['1TiB', 1_099_511_627_776],
])('sizeBytes gives bytes when %s is given', (size, bytes) => {
  expect(sizeBytes(size)).toBe(bytes)
})

test.each(['', '2GB', '2gib', '1.5GiB', '-1', '2  GiB', 'GiB', '9999999TiB', 1.5, -1, Number.NaN])(
  'sizeBytes gives null when %s is given',
  (size) => expect(sizeBytes(size)).toBeNull(),
)

test('sizeText names the largest unit when nothing is left over', () => {
  expect([2_147_483_648, 134_217_728, 1_500, 0].map(sizeText)).toEqual(['2GiB', '128MiB', '1500', '0'])
})
