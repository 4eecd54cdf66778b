import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { createMemory, isProblem, type Reading, type Report, type TimeBase } from '../reading.ts'
import { createChance, tamper } from './hostile.ts'
import { packedCodec } from './packed.ts'
import { encodePacked, type PackedMessage } from './packed-encode.ts'

const context = { topic: 't', memory: createMemory() }
const decode = (payload: Buffer | string) =>
  packedCodec.decode(typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload, context)
const readingsOf = (payload: Buffer | string) => {
  const reports = decode(payload)
  if (isProblem(reports)) throw new Error(reports.detail)
  return (reports[0] as Report).readings
}
const message = (given: Partial<PackedMessage>): PackedMessage => ({
  clock: 'unix',
  boot: 3,
  sequence: 17,
  timeS: 1_700_000_000,
  ageS: null,
  nextS: null,
  batches: [{ channel: 2, stepS: 60, values: [3712] }],
  ...given,
})
const minutely = (channel: string, value: number, minutesAgo: number) => {
  const timeMs = (1_700_000_000 - minutesAgo * 60) * 1000
  return { channel, value, unit: '', timeBase: 'unix', timeMs }
}
/** Voltage as a node's: mV that sink slowly, with a little noise. */
function voltages(seed: number): number[] {
  const chance = createChance(seed)
  return Array.from({ length: 60 }, (_, i) => 3712 - Math.floor(i / 20) + chance(5) - 2)
}

test('packed codec reads the worked example of docs/packed-format.md', () => {
  const page = readFileSync(new URL('../../docs/packed-format.md', import.meta.url), 'utf8')
  const example = [...page.matchAll(/^ {4}((?:[0-9a-f]{2} )+)/gm)].map(([, bytes]) => bytes).join('')
  expect(example.replaceAll(' ', '')).toHaveLength(2 * 24)
  expect(decode(example)).toEqual([
    {
      sequence: 17,
      sequenceBits: 16,
      boot: 3,
      nextS: 3600,
      readings: [
        ...[3712, 3713, 3712, 3714, 3712].map((value, i) => minutely('2', value, 4 - i)),
        ...[0, 0, 1].map((value, i) => minutely('1', value, 2 - i)),
      ],
    },
  ])
})

test('packed codec keeps 60 voltages within 40 bytes', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const batches = [{ channel: 2, stepS: 60, values: voltages(seed) }]
    expect(encodePacked(message({ batches })).length).toBeLessThanOrEqual(40)
  }
})

test.each<[string, Partial<PackedMessage>, { timeBase: TimeBase; timeMs: number; sentMs: number | undefined }]>([
  ['a clock', {}, { timeBase: 'unix', timeMs: 1_700_000_000_000, sentMs: undefined }],
  ['a clock and an age', { ageS: 5 }, { timeBase: 'unix', timeMs: 1_700_000_000_000, sentMs: 1_700_000_005_000 }],
  ['an uptime', { clock: 'boot', timeS: 90 }, { timeBase: 'boot', timeMs: 90_000, sentMs: 90_000 }],
  ['an uptime and an age', { clock: 'boot', timeS: 90, ageS: 9 }, { timeBase: 'boot', timeMs: 90_000, sentMs: 99_000 }],
  ['no clock', { clock: 'now' }, { timeBase: 'now', timeMs: 0, sentMs: undefined }],
  ['no clock and an age', { clock: 'now', ageS: 7 }, { timeBase: 'now', timeMs: -7000, sentMs: undefined }],
])('packed codec gives times and sending when the device has %s', (_, given, { timeBase, timeMs, sentMs }) => {
  const [report] = decode(encodePacked(message(given))) as Report[]
  expect(report?.readings).toEqual([{ channel: '2', value: 3712, unit: '', timeBase, timeMs }])
  expect(report?.sentMs).toBe(sentMs)
})

test('packed codec holds several channels, each with its own step, that end together', () => {
  const batches = [
    { channel: 1, stepS: 60, values: [0, 0, 4] },
    { channel: 255, stepS: 600, values: [-5, 70_000] },
  ]
  const seen = readingsOf(encodePacked(message({ batches, clock: 'now' })))
  expect(seen.map(({ channel, value, timeMs }) => [channel, value, timeMs])).toEqual([
    ['1', 0, -120_000],
    ['1', 0, -60_000],
    ['1', 4, 0],
    ['255', -5, -600_000],
    ['255', 70_000, 0],
  ])
})

test('packed codec takes the least and the greatest value, and differences between them', () => {
  const values = [-0x80000000, 0x7fffffff, -0x80000000, 0, 0x7fffffff]
  expect(
    readingsOf(encodePacked(message({ batches: [{ channel: 0, stepS: 1, values }] }))).map((it) => it.value),
  ).toEqual(values)
})

test('packed encoder takes deltas when a value climbs, offsets when it wavers', () => {
  const shapeOf = (values: number[]) => encodePacked(message({ batches: [{ channel: 0, stepS: 1, values }] }))[12]
  expect(shapeOf(Array.from({ length: 60 }, (_, i) => i))).toBe(0x02)
  expect(shapeOf(Array.from({ length: 60 }, (_, i) => 5 + (i % 2)))).toBe(0x81)
  expect(shapeOf(Array.from({ length: 60 }, () => 5))).toBe(0x80)
})

test.each([
  ['nothing', '', 'bad_payload', '0 bytes given'],
  ['half a head', '10030000 0000', 'bad_payload', '6 bytes given'],
  ['another version', '22030000 010200', 'bad_payload', 'version 2'],
  ['an unknown clock', '13030000 010200', 'bad_payload', 'clock 3'],
  ['a head alone', '12030000', 'bad_payload', 'no batch'],
  ['a cut age', '16030000 80', 'bad_payload', 'age at byte 4'],
  ['an age of 33 bits', '16030000 ffffffff1f 010200', 'bad_payload', 'age'],
  ['an age of a century', '16030000 80d6d9b10b 010102', 'bad_time', 'an age of 3057019648 s'],
  ['a varint that is too long', '12030000 01 8200 02', 'bad_payload', 'number of readings'],
  ['a channel alone', '12030000 01', 'bad_payload', 'number of readings'],
  ['no reading', '12030000 01 00 00', 'bad_payload', 'announces 0 readings, 1 to 10000'],
  ['too many readings', '12030000 01 914e 00 01 00', 'bad_payload', 'announces 10001 readings'],
  ['too many readings together', '12030000 01 904e 00 01 80 02 01 00', 'bad_payload', 'announces 1 readings, 1 to 0'],
  ['a step of 0', '12030000 01 02 00 00 80', 'bad_time', 'every 0 s'],
  ['a reading before 1970', '10030000 3b000000 01 02 00 3c 80', 'bad_time', 'before 59 s'],
  ['a reading before the boot', '11030000 3b000000 01 02 00 3c 80', 'bad_time', 'before 59 s'],
  ['a century', '12030000 01 02 00 80d6d9b10b 80', 'bad_time', 'do not fit'],
  ['no width', '12030000 01 02 00 3c', 'bad_payload', 'width byte 255'],
  ['a width of 33', '12030000 01 02 00 3c a1 0000000000', 'bad_payload', 'width byte 161'],
  ['the reserved bit', '12030000 01 02 00 3c c0', 'bad_payload', 'width byte 192'],
  ['too few bits', '12030000 01 02 00 3c 88 00', 'bad_payload', 'needs 11 bytes for 2 readings, 10 given'],
  ['spare bits', '12030000 01 02 00 3c 81 04', 'bad_payload', 'spare bits'],
  ['an offset beyond 32 bits', '12030000 01 02 feffffff0f 3c 81 02', 'bad_value', '2147483648'],
  ['a delta beyond 32 bits', '12030000 01 02 feffffff0f 3c 02 02', 'bad_value', '2147483648'],
  ['a channel twice', '12030000 01 01 00 01 01 00', 'bad_payload', 'comes twice'],
])('packed codec names the problem of %s', (_, hex, code, part) => {
  expect(decode(hex)).toEqual({ code, detail: expect.stringContaining(part) })
})

test('packed encoder throws when the format cannot say it', () => {
  const reading: Reading = { channel: '1', value: 1, unit: '', timeBase: 'unix', timeMs: 60_000 }
  const encode = (readings: Reading[], more: Partial<Report> = { sequence: 0, boot: 0 }) =>
    packedCodec.encode([{ readings, ...more }])
  expect(() => encode([])).toThrow('exactly one report with readings')
  expect(() => encode([reading], { sequence: 0 })).toThrow('boot is -1')
  expect(() => encode([reading], { sequence: 65_536, boot: 0 })).toThrow('sequence is 65536')
  expect(() => encode([{ ...reading, channel: 'rain' }])).toThrow('"rain" is no number')
  expect(() => encode([{ ...reading, value: 0.5 }])).toThrow('value is 0.5')
  expect(() => encode([{ ...reading, value: true }])).toThrow('boolean')
  expect(() => encode([{ ...reading, timeBase: 'none', timeMs: 0 }])).toThrow('without a time')
  expect(() => encode([{ ...reading, timeMs: 58_500 }, reading])).toThrow('step is 1.5')
  expect(() => encode([reading, { ...reading, timeMs: 61_000 }, { ...reading, timeMs: 63_000 }])).toThrow('even steps')
})

const seed = Date.now() % 2 ** 31

test(`packed codec reads what it wrote, seed ${seed}`, () => {
  const chance = createChance(seed)
  const bases = ['unix', 'boot', 'now'] as const
  for (let round = 0; round < 2000; round++) {
    const timeBase = bases[chance(3)] as (typeof bases)[number]
    const lastMs = timeBase === 'now' ? chance(2) * 5000 - 5000 : (1_000_000 + chance(2 ** 31)) * 1000
    const readings: Reading[] = []
    for (let channel = chance(3); channel >= 0; channel--) {
      const count = 1 + chance(70)
      const stepMs = (1 + chance(1000)) * 1000
      const spread = 2 ** chance(33)
      for (let i = 0; i < count; i++) {
        const value = Math.max(-0x80000000, Math.min(0x7fffffff, chance(spread) - Math.floor(spread / 2)))
        readings.push({
          channel: String(channel),
          value,
          unit: '',
          timeBase,
          timeMs: lastMs - (count - 1 - i) * stepMs,
        })
      }
    }
    const report: Report = { readings, sequence: chance(65_536), sequenceBits: 16, boot: chance(256) }
    if (timeBase === 'boot' || (timeBase === 'unix' && chance(2) === 0)) report.sentMs = lastMs + chance(100) * 1000
    if (chance(2) === 0) report.nextS = chance(2 ** 32)
    expect(decode(packedCodec.encode([report]))).toEqual([report])
  }
})

test(`packed codec stays within its limits when payloads are hostile, seed ${seed}`, () => {
  const chance = createChance(seed)
  const good = [
    encodePacked(message({ batches: [{ channel: 2, stepS: 60, values: voltages(seed) }], nextS: 3600 })),
    encodePacked(
      message({ clock: 'now', ageS: 3, batches: [1, 2, 3].map((channel) => ({ channel, stepS: 5, values: [1, 9] })) }),
    ),
  ]
  let taken = 0
  for (let round = 0; round < 10_000; round++) {
    const reports = decode(tamper(good[chance(good.length)] as Buffer, chance))
    if (isProblem(reports)) continue
    taken += 1
    const readings = reports.flatMap((report) => report.readings)
    expect(readings.length).toBeLessThanOrEqual(limits.readingsPerMessageMax)
    expect(readings.every(({ value, timeMs }) => Number.isInteger(value) && Number.isSafeInteger(timeMs))).toBe(true)
  }
  expect(taken).toBeGreaterThan(0)
})
