import { expect, test } from 'vitest'
import { createRandom } from '../../devices-sim/random.ts'
import { type Format, formats, textFormat } from '../../scripts/formats.ts'
import { fuzz, fuzzLimits, hostile } from '../../scripts/fuzz.ts'
import type { Decode } from '../../telemetry/reading.ts'
import { codecNames } from '../../telemetry/route.ts'

test('no codec throws or hangs over 50,000 hostile payloads', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  console.log(`seed ${seed}`)
  const { decoded, refused, failures } = await fuzz(50_000, seed)
  expect(failures).toEqual([])
  // Both ways of ending are seen: payloads that are all refused, or all read, would test little.
  expect(Math.min(decoded, refused)).toBeGreaterThan(5000)
})

const reading = { channel: '', value: 1, unit: '', timeBase: 'none', timeMs: 0 } as const
test.each<[string, Decode, string]>([
  [
    'throws',
    () => {
      throw new Error('oh no')
    },
    'oh no',
  ],
  [
    'hangs',
    () => {
      const until = performance.now() + fuzzLimits.decodeMsMax + 5
      while (performance.now() < until);
      return []
    },
    ' ms: ',
  ],
  ['answers NaN', () => [{ readings: [{ ...reading, value: Number.NaN }] }], 'a value of NaN'],
  ['answers a negative sequence', () => [{ readings: [reading], sequence: -1 }], 'a count of -1'],
])('the fuzzer sees a codec that %s', async (_what, decode, words) => {
  const format = formats[0] as Format
  const { failures } = await fuzz(2, 1, undefined, [{ ...format, codec: { ...format.codec, decode } }])
  expect(failures[0]).toContain(words)
})

test('every codec is fuzzed', () => {
  const names = [...formats, textFormat].map(({ name }) => name)
  for (const codec of codecNames) expect(names.some((name) => name.startsWith(codec))).toBe(true)
})

test('hostile payloads are the same for the same seed, and bounded', () => {
  const samples = [Buffer.from('[{"n":"a","v":1}]'), Buffer.alloc(1000, 1)]
  const payloads = (seed: number) => {
    const random = createRandom(seed)
    return Array.from({ length: 2000 }, () => hostile(samples, random))
  }
  expect(payloads(5)).toEqual(payloads(5))
  expect(payloads(5)).not.toEqual(payloads(6))
  for (const payload of payloads(7)) expect(payload.length).toBeLessThanOrEqual(fuzzLimits.payloadBytesMax)
})
