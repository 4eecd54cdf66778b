import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import { createMemory, type DecodeContext, isProblem, type Reading, type Report } from '../reading.ts'
import { senmlCborCodec } from './senml-cbor.ts'
import { senmlJsonCodec } from './senml-json.ts'

const context: DecodeContext = { topic: 't', memory: createMemory() }
const json = (pack: unknown) =>
  senmlJsonCodec.decode(Buffer.from(typeof pack === 'string' ? pack : JSON.stringify(pack)), context)
const cbor = (hex: string) => senmlCborCodec.decode(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'), context)

function readingsOf(reports: Report[] | MessageProblem): Reading[] {
  if (isProblem(reports)) throw new Error(`${reports.code}: ${reports.detail}`)
  expect(reports).toHaveLength(1)
  return (reports[0] as Report).readings
}
const vector = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../test/vectors/senml', name), 'utf8').trim()

describe('the examples of RFC 8428', () => {
  const device = '10e2073a01080063'
  const position = [device, device, device]
  const channels: { [example: number]: string[] } = {
    1: [`urn:dev:ow:${device}`],
    2: ['voltage', 'current'],
    3: ['voltage', ...Array(6).fill('current')],
    4: Array(12).fill(device),
    5: [...position, ...position, ...position, device, ...position],
    6: ['temperature', 'humidity', 'temperature', 'humidity'],
    7: ['temp', 'label', 'open', 'nfv-reader'],
    8: ['temperature', 'humidity'],
    9: ['temp', 'heat', 'fan'],
    10: [`urn:dev:ow:${device}`, `urn:dev:ow:${device}`],
    11: [device, device],
    12: ['2001:db8::3', '2001:db8::4'],
    13: ['2001:db8::3', '2001:db8::4', '2001:db8::3', '2001:db8::4'],
  }
  const examples = Object.keys(channels).map(Number)

  /** The resolved form is SenML too: what it says in full the pack must come to. Where the pack says no time, neither do we. */
  function expectResolved(example: number, readings: Reading[]): void {
    const resolved = readingsOf(json(vector(`ex${example}.resolved.json`)))
    const hasTime = !vector(`ex${example}.json`).includes('"urn:dev:ow:10e2073a01080063:"')
    const isTimed = hasTime ? example !== 1 : example === 8
    expect(readings).toEqual(
      resolved.map((reading, i) => ({
        ...reading,
        channel: channels[example]?.[i],
        ...(!isTimed && { timeBase: 'none', timeMs: 0 }),
      })),
    )
    readings.forEach(({ channel }, i) => {
      expect(resolved[i]?.channel.endsWith(channel)).toBe(true)
    })
  }

  test.each(examples)('senml-json resolves example %i', (example) => {
    expectResolved(example, readingsOf(json(vector(`ex${example}.json`))))
  })

  test.each([3, 5])('senml-cbor resolves example %i', (example) => {
    expectResolved(example, readingsOf(cbor(vector(`ex${example}.cbor.hex`))))
  })
})

const values = (pack: unknown) => readingsOf(json(pack)).map(({ channel, value }) => [channel, value])
const times = (pack: unknown) => readingsOf(json(pack)).map(({ timeBase, timeMs }) => [timeBase, timeMs])

test('senml adds base value and base sum, and gives a sum as a reading of its own without a unit', () => {
  const pack = [
    { bn: 'd/', bv: 20, bu: 'W', n: 'a', v: 0.5 },
    { n: 'a', v: 1, s: 3 },
    { bs: 100, n: 'a', s: 4 },
    { n: 'b', vs: 'x' },
  ]
  expect(values(pack)).toEqual([
    ['a', 20.5],
    ['a', 21],
    ['a_sum', 3],
    ['a_sum', 104],
    ['b', 'x'],
    ['b_sum', 100],
  ])
  expect(readingsOf(json(pack)).map(({ unit }) => unit)).toEqual(['W', 'W', '', '', 'W', ''])
})

test('senml tests the sum of base time and time for being relative', () => {
  expect(times([{ n: 'a', v: 1 }])).toEqual([['none', 0]])
  expect(times([{ n: 'a', v: 1, t: 0 }])).toEqual([['now', 0]])
  expect(times([{ n: 'a', v: 1, t: -1.5 }])).toEqual([['now', -1500]])
  expect(
    times([
      { bn: 'a', bt: -120, v: 1 },
      { t: 60, v: 1 },
      { t: 120, v: 1 },
    ]),
  ).toEqual([
    ['now', -120_000],
    ['now', -60_000],
    ['now', 0],
  ])
  expect(times([{ n: 'a', v: 1, t: 2 ** 28 }])).toEqual([['unix', 2 ** 28 * 1000]])
  expect(times([{ bt: 2 ** 28 - 1, n: 'a', t: 1, v: 1 }])).toEqual([['unix', 2 ** 28 * 1000]])
  expect(times([{ bt: 1.7e9, n: 'a', t: 0.1, v: 1 }])).toEqual([['unix', 1_700_000_000_100]])
  expect(times([{ bt: 1.7e9, n: 'a', t: -1.7e9 - 5, v: 1 }])).toEqual([['now', -5000]])
})

test('senml takes the channel from the record when there is a base name, else the whole name', () => {
  const channel = (record: object) => readingsOf(json([{ v: 1, ...record }]))[0]?.channel
  expect(channel({ n: 'urn:dev:1:temp' })).toBe('urn:dev:1:temp')
  expect(channel({ bn: 'urn:dev:1:', n: 'temp' })).toBe('temp')
  expect(channel({ bn: 'urn:dev:1/', n: 'a/temp' })).toBe('a/temp')
  expect(channel({ bn: 'urn:dev:1/temp' })).toBe('temp')
  expect(channel({ bn: 'urn:dev:1:temp', n: '' })).toBe('temp')
  expect(channel({ bn: 'temp' })).toBe('temp')
  expect(channel({ bn: 'urn:dev:1:' })).toBe('')
  expect(channel({ bn: '', n: 'a:b' })).toBe('a:b')
})

test('senml gives the shortest update time as the time until the next report', () => {
  expect(
    json([
      { n: 'a', v: 1, ut: 600 },
      { n: 'b', v: 1, ut: 60 },
      { n: 'c', v: 1, ut: 0 },
    ]),
  ).toMatchObject([{ nextS: 60 }])
  expect(json([{ n: 'a', v: 1 }])).not.toMatchObject([{ nextS: expect.anything() }])
})

test('senml ignores fields it does not know, and takes versions that it does', () => {
  expect(values([{ n: 'a', v: 1, l: '[]', note: { deep: [1, [2]] }, bver: 5 }])).toEqual([['a', 1]])
  expect(
    values([
      { n: 'a', v: 1, bver: 10 },
      { n: 'a', v: 2, bver: 10 },
    ]),
  ).toHaveLength(2)
  // Secondary units are the feature of bit 4 [RFC 9100 §3].
  expect(readingsOf(json([{ bver: 26, n: 'a', u: 'mV', v: 3712 }]))).toMatchObject([{ unit: 'mV', value: 3712 }])
})

test.each([
  ['', 'bad_payload', 'not JSON'],
  ['{}', 'bad_payload', 'an array of SenML records'],
  ['[]', 'bad_payload', 'without a value'],
  ['[1]', 'bad_payload', 'an object for each'],
  ['[null]', 'bad_payload', 'an object for each'],
  ['[{}]', 'bad_payload', 'name'],
  ['[{"bn":"urn:a:"}]', 'bad_payload', 'without a value'],
  ['[{"n":"a"}]', 'bad_payload', 'exactly one'],
  ['[{"n":"a","v":1,"vs":"1"}]', 'bad_payload', 'exactly one'],
  ['[{"n":"a","vb":true,"vd":"aa","s":1}]', 'bad_payload', 'exactly one'],
  ['[{"v":1}]', 'bad_payload', 'name'],
  ['[{"n":"-a","v":1}]', 'bad_payload', 'name'],
  ['[{"bn":":","n":"a","v":1}]', 'bad_payload', 'name'],
  ['[{"n":"a b","v":1}]', 'bad_payload', 'name'],
  ['[{"n":"ä","v":1}]', 'bad_payload', 'name'],
  ['[{"n":"a\\n","v":1}]', 'bad_payload', 'name'],
  ['[{"n":"a","v":"1"}]', 'bad_payload', 'number wanted'],
  ['[{"n":"a","v":null}]', 'bad_payload', 'number wanted'],
  ['[{"n":"a","vb":1}]', 'bad_payload', 'boolean wanted'],
  ['[{"n":1,"v":1}]', 'bad_payload', 'text wanted'],
  ['[{"n":"a","vd":"a+/b"}]', 'bad_payload', 'base64url wanted'],
  ['[{"n":"a","v":1,"must_":1}]', 'bad_payload', 'must not be ignored'],
  ['[{"n":"a","v":1},{"n":"a","v":1,"x_":null}]', 'bad_payload', 'must not be ignored'],
  ['[{"n":"a","v":1,"bver":11}]', 'bad_payload', 'version 11'],
  ['[{"n":"a","v":1,"bver":27}]', 'bad_payload', 'version 27'],
  ['[{"n":"a","v":1,"bver":0}]', 'bad_payload', 'version 0'],
  ['[{"n":"a","v":1,"bver":9.5}]', 'bad_payload', 'version 9.5'],
  ['[{"n":"a","v":1,"bver":5},{"bver":10,"n":"a","v":1}]', 'bad_payload', 'one version'],
  ['[{"n":"a","v":1,"ut":-1}]', 'bad_payload', 'update time'],
  ['[{"n":"a","v":1e999}]', 'bad_value', 'finite'],
  ['[{"n":"a","v":1e308,"bv":1e308}]', 'bad_value', 'finite'],
  ['[{"n":"a","s":-1e999}]', 'bad_value', 'finite'],
  ['[{"n":"a","v":1,"t":5}]', 'bad_time', 'after now'],
  ['[{"n":"a","v":1,"t":1e300}]', 'bad_time', '2262'],
  ['[{"n":"a","v":1,"t":-1e999}]', 'bad_time', '2262'],
  ['[{"n":"a","v":1,"bt":1e999,"t":-1e999}]', 'bad_time', '2262'],
])('senml-json names the problem of %s', (text, code, words) => {
  expect(json(text)).toEqual({ code, detail: expect.stringContaining(words) })
})

test('senml bounds the readings of a message and the length of a text', () => {
  const readings = (count: number) => json([{ bn: 'a', v: 1 }, ...Array(count - 1).fill({ v: 1 })])
  expect(readingsOf(readings(limits.readingsPerMessageMax))).toHaveLength(limits.readingsPerMessageMax)
  expect(readings(limits.readingsPerMessageMax + 1)).toMatchObject({ code: 'bad_payload' })
  expect(json([{ n: 'a', vs: 'x'.repeat(limits.valueCharsMax) }])).toHaveLength(1)
  expect(json([{ n: 'a', vs: 'x'.repeat(limits.valueCharsMax + 1) }])).toMatchObject({ code: 'bad_value' })
})

test('senml-json refuses bytes that are no UTF-8', () => {
  const payload = Buffer.from('[{"n":"a","vs":"\xff"}]', 'latin1')
  expect(senmlJsonCodec.decode(payload, context)).toMatchObject({ code: 'bad_payload' })
})

const inRecord = (value: string) => readingsOf(cbor(`81 a2 00 61 61 ${value}`))[0]?.value

test.each([
  ['02 18 64', 100],
  ['02 39 01f3', -500],
  ['02 1b 0020000000000000', 2 ** 53],
  ['02 3b ffffffffffffffff', -(2 ** 64)],
  ['02 f9 3e00', 1.5],
  ['02 f9 0001', 2 ** -24],
  ['02 f9 fbff', -65_504],
  ['02 fa 40600000', 3.5],
  ['02 fb 400db22d0e560419', 3.712],
  // [RFC 8949 §3.4.4]: 273.15
  ['02 c4 82 21 19 6ab3', 273.15],
  ['02 c4 82 22 19 0e80', 3.712],
  ['02 c4 82 02 03', 300],
  ['02 c4 82 38 1d 01', 1e-30],
  ['02 c4 82 20 c2 49 010000000000000000', 2 ** 64 / 10],
  ['02 c4 82 20 c3 41 09', -1],
  ['02 c4 9f 21 19 6ab3 ff', undefined],
  ['03 62 c3a4', 'ä'],
  ['03 63 efbfbd', '\ufffd'],
  ['04 f5', true],
  ['04 f4', false],
  ['08 44 68692020', 'aGkgIA'],
  ['61 76 05', 5],
])('senml-cbor reads the value %s', (hex, value) => {
  if (value === undefined) expect(cbor(`81 a2 00 61 61 ${hex}`)).toMatchObject({ code: 'bad_payload' })
  else expect(inRecord(hex)).toBe(value)
})

test('senml-cbor reads arrays and maps of indefinite length, and walks over what it does not know', () => {
  expect(readingsOf(cbor('9f bf 00 61 61 02 01 ff a2 00 61 61 02 02 ff')).map(({ value }) => value)).toEqual([1, 2])
  const unknown = [
    '01',
    '5f 41 00 41 01 ff',
    '7f 61 61 ff',
    '9f 01 82 02 03 ff',
    'bf 01 02 ff',
    'c1 01',
    'f6',
    'f9 7e00',
  ]
  for (const item of unknown) expect(inRecordWith(item)).toBe(1)
})
const inRecordWith = (item: string) => readingsOf(cbor(`81 a4 61 6c ${item} 00 61 61 09 ${item} 02 01`))[0]?.value

test.each([
  ['', 'the end at byte 0'],
  ['a0', 'an array wanted'],
  ['80', 'without a value'],
  ['81', 'the end at byte 1, a map wanted'],
  ['81 a2 00 61 61 02', 'a number wanted'],
  ['81 a2 00 61 61 02 01 00', 'behind the SenML pack'],
  ['82 a2 00 61 61 02 01', 'a map wanted'],
  ['81 a2 00 61 61 02 61 31', 'a number wanted'],
  ['81 a2 00 41 61 02 01', 'text wanted'],
  ['81 a2 00 7f 61 61 ff 02 01', 'definite length'],
  ['81 a2 00 7b ffffffffffffffff 02 01', 'definite length'],
  ['81 a2 00 61 61 03 61 ff', 'UTF-8'],
  ['81 a3 00 61 61 02 01 02 01', 'given twice'],
  ['81 a3 00 61 61 02 01 62 785f 01', 'must not be ignored'],
  ['81 a3 00 61 61 02 01 40 01', 'an integer wanted'],
  ['81 a3 00 61 61 02 01 20 0b', 'version 11'],
  ['81 a3 00 61 61 02 01 20 f9 4900', 'an integer wanted'],
  ['81 a2 00 61 61 02 c4 81 01', 'exponent and mantissa'],
  ['81 a2 00 61 61 02 c4 82 00 c2 51 0100000000000000000000000000000000', 'at most 16 bytes'],
  ['81 a2 00 61 61 02 c2 41 01', 'a number wanted'],
  ['81 a2 00 61 61 02 1c', 'a number wanted'],
  ['81 a2 00 61 61 02 1f', 'a number wanted'],
  ['9b ffffffffffffffff', 'a map wanted'],
  ['bb ffffffffffffffff', 'an array wanted'],
  [`81 a2 09 9b 00ffffffffffffff 01`, 'an item wanted'],
])('senml-cbor names the problem of %s', (hex, words) => {
  expect(cbor(hex)).toEqual({ code: 'bad_payload', detail: expect.stringContaining(words) })
})

test('senml-cbor refuses items within items beyond a depth', () => {
  expect(cbor(`81 a2 09 ${'81'.repeat(200_000)}`)).toMatchObject({
    detail: expect.stringContaining('within one another'),
  })
  expect(cbor(`81 a2 09 ${'c1'.repeat(200_000)}`)).toMatchObject({
    detail: expect.stringContaining('within one another'),
  })
})

test.each([
  ['f9 7c00', 'bad_value'],
  ['f9 7e00', 'bad_value'],
  ['fb 7ff0000000000000', 'bad_value'],
  ['c4 82 19 0400 01', 'bad_value'],
])('senml-cbor refuses the value %s', (hex, code) => {
  expect(cbor(`81 a2 00 61 61 02 ${hex}`)).toMatchObject({ code })
  expect(cbor(`81 a3 00 61 61 02 01 06 ${hex}`)).toMatchObject({ code: 'bad_time' })
})

const at = (channel: string, value: Reading['value'], more: Partial<Reading> = {}): Reading => ({
  channel,
  value,
  unit: '',
  timeBase: 'none',
  timeMs: 0,
  ...more,
})
const unix = (timeMs: number) => ({ timeBase: 'unix', timeMs }) as const
const now = (timeMs: number) => ({ timeBase: 'now', timeMs }) as const
const packs: Array<[string, Report]> = [
  ['one reading', { readings: [at('rain', 0.2)] }],
  ['units, kinds and channels', { readings: [at('a', 1, { unit: 'V' }), at('b', 'x'), at('a', true, { unit: 'mm' })] }],
  ['one unit', { readings: [at('a', 1, { unit: 'V' }), at('a', 2, { unit: 'V' }), at('a', 3, { unit: 'mV' })] }],
  ['unix times', { readings: [at('a', 1, unix(1.7e12)), at('a', 2, unix(1.7e12 + 60_001)), at('b', 3, unix(1.6e12))] }],
  ['microseconds', { readings: [at('a', 1, unix(1_700_000_000_000.123)), at('a', 1, unix(1_700_000_000_001.001))] }],
  ['relative times', { readings: [at('a', 1, now(-60_000)), at('a', 2, now(0))] }],
  ['only now', { readings: [at('a', 1, now(0)), at('a', 2, now(0))] }],
  ['times of all kinds', { readings: [at('a', 1), at('a', 2, now(0)), at('a', 3, unix(1.7e12))] }],
  ['names of parts', { readings: [at('a', 1), at('urn:d:b', 2), at('urn:d:b', 2), at('c/d', 3), at('a', 4)] }],
  ['whole numbers', { readings: [at('a', 3712), at('a', 3709), at('b', -2)] }],
  ['the largest numbers', { readings: [at('a', Number.MAX_SAFE_INTEGER), at('a', Number.MIN_SAFE_INTEGER)] }],
  ['a next report', { readings: [at('a', 1), at('a', 2)], nextS: 3600 }],
]

describe.each([
  ['senml-json', senmlJsonCodec],
  ['senml-cbor', senmlCborCodec],
])('%s', (_name, codec) => {
  test.each(packs)('reads what it wrote: %s', (_what, report) => {
    expect(codec.decode(codec.encode([report]), context)).toEqual([report])
  })

  test('gives the same double back', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    console.log(`seed ${seed}`)
    const random = createRandom(seed)
    const bits = new DataView(new ArrayBuffer(8))
    const numbers = [0, 1, -1, 23, 24, -24, -25, 255, 256, 65_536, 2 ** 32, 2 ** 53, -(2 ** 53), 1e300, 5e-324, 0.1]
    numbers.push(65_504, 65_505.5, 2 ** -24, 2 ** -25, 1.5, Math.fround(0.1), 4_294_967_295.5, 1e21, 1e22, 1e-7)
    for (let i = 0; i < 2400; i++) {
      bits.setUint32(0, random())
      bits.setUint32(4, random())
      numbers.push(bits.getFloat64(0), bits.getFloat32(0), random() / 10 ** (random() % 12), (random() % 10_000) / 1000)
    }
    const readings = numbers.filter(Number.isFinite).map((value) => at('a', value === 0 ? 0 : value))
    expect(codec.decode(codec.encode([{ readings }]), context)).toEqual([{ readings }])
  })

  test('says what it cannot hold', () => {
    const encode = (reading: Partial<Reading>, report: Partial<Report> = {}) =>
      codec.encode([{ readings: [at('a', 1, reading)], ...report }])
    expect(() => encode({ channel: '' })).toThrow('name')
    expect(() => encode({ channel: 'a b' })).toThrow('name')
    expect(() => encode({ value: Number.NaN })).toThrow('NaN')
    expect(() => encode({ timeBase: 'boot', timeMs: 5 })).toThrow('boot')
    expect(() => encode(unix(1000))).toThrow('time')
    expect(() => encode(now(1))).toThrow('time')
    expect(() => encode({}, { sequence: 1 })).toThrow('sequence')
    expect(() => codec.encode([])).toThrow('one report')
  })
})

/** mulberry32 */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

test('senml-cbor takes the shortest form of a number', () => {
  const size = (value: number) => senmlCborCodec.encode([{ readings: [at('a', value)] }]).length - 6
  expect([5, 300, 1.5, 3.712, 0.1, Math.fround(0.1), Math.PI].map(size)).toEqual([1, 3, 3, 6, 4, 5, 9])
})
