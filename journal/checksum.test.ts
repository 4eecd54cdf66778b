import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { checksum } from './checksum.ts'

test('checksum is that of zlib when bytes, length, place and seed are any', () => {
  const bytes = Buffer.from(Array.from({ length: 2000 }, (_, i) => (i * 7919 + (i >> 3)) & 255))
  for (let length = 0; length <= 520; length++) {
    const at = (length * 31) % 1000
    const seed = (length * 2_654_435_761) >>> 0
    expect(checksum(bytes, at, at + length, seed)).toBe(crc32(bytes.subarray(at, at + length), seed))
  }
})

test('checksum of the check text is the one that the catalogue of CRCs names', () => {
  const text = Buffer.from('123456789')
  expect(checksum(text, 0, text.length, 0)).toBe(0xcbf43926)
})
