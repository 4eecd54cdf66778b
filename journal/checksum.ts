/**
 * CRC-32 (the one of zip and Ethernet) of a stretch of a buffer. zlib's own is faster per byte, but a call of it costs as
 * much as some hundred bytes here, and most records are shorter.
 */
import { crc32 } from 'node:zlib'

/** Records up to this length are summed here. */
const shortBytesMax = 256

/** tables[k][b]: what byte b does to the sum when k more bytes follow. */
const tables = Array.from({ length: 4 }, () => new Int32Array(256))
const [t0, t1, t2, t3] = tables as [Int32Array, Int32Array, Int32Array, Int32Array]
for (let byte = 0; byte < 256; byte++) {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1
  t0[byte] = sum
}
for (let byte = 0; byte < 256; byte++) {
  let sum = t0[byte] as number
  for (const table of [t1, t2, t3]) {
    sum = (t0[sum & 255] as number) ^ (sum >>> 8)
    table[byte] = sum
  }
}

/** Of bytes[at, end), begun at `seed`, which is 0 or the sum of what stands before. */
export function checksum(bytes: Buffer, at: number, end: number, seed: number): number {
  if (end - at > shortBytesMax) return crc32(bytes.subarray(at, end), seed)
  let sum = ~seed
  let i = at
  for (; i + 4 <= end; i += 4) {
    const word = sum ^ wordAt(bytes, i)
    sum =
      (t3[word & 255] as number) ^
      (t2[(word >>> 8) & 255] as number) ^
      (t1[(word >>> 16) & 255] as number) ^
      (t0[word >>> 24] as number)
  }
  for (; i < end; i++) sum = (t0[(sum ^ (bytes[i] as number)) & 255] as number) ^ (sum >>> 8)
  return ~sum >>> 0
}

const wordAt = (bytes: Buffer, i: number) =>
  (bytes[i] as number) |
  ((bytes[i + 1] as number) << 8) |
  ((bytes[i + 2] as number) << 16) |
  ((bytes[i + 3] as number) << 24)
