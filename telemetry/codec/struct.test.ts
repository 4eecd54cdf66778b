import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { createMemory, isProblem, type Report, type TimeBase } from '../reading.ts'
import { columnRoles, type StructLayout, type StructMember, structTypes } from '../route.ts'
import { createChance, tamper } from './hostile.ts'
import { createStructCodec } from './struct.ts'

const context = { topic: 't', memory: createMemory() }
/** A member as `name type`, `name type:bits` or `name type big`. */
const member = (text: string): StructMember => {
  const [, name = '', type = '', bits, big] = /^(\S+) ([a-z]\d+)(?::(\d+))?( big)?$/.exec(text) ?? []
  return {
    name,
    type: type as StructMember['type'],
    bits: bits === undefined ? null : Number(bits),
    big: big !== undefined,
  }
}
const layout = (head: string[], repeat: string[] = [], step = 0): StructLayout => ({
  head: head.map(member),
  repeat: repeat.map(member),
  step,
})
const decode = (given: StructLayout, hex: string) =>
  createStructCodec(given).decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), context)
const reading = (channel: string, value: number, timeBase: TimeBase = 'none', timeMs = 0) => ({
  channel,
  value,
  unit: '',
  timeBase,
  timeMs,
})

test.each<[string, string, number]>([
  ['u8', 'ff', 255],
  ['i8', 'ff', -1],
  ['u16', '0102', 0x0201],
  ['u16 big', '0102', 0x0102],
  ['i16', 'feff', -2],
  ['u24', '010203', 0x030201],
  ['i24 big', 'fffffe', -2],
  ['u32', 'ffffffff', 4_294_967_295],
  ['i32', '00000080', -2_147_483_648],
  ['u64', '0000000000002000', 2 ** 53],
  ['i64 big', 'ffffffffffffffff', -1],
  ['f32', '0000c03f', 1.5],
  ['f64 big', '3ff8000000000000', 1.5],
])('struct codec reads %s %s', (type, hex, value) => {
  const given = layout([`v ${type}`])
  if (!Number.isSafeInteger(value) && Number.isInteger(value)) {
    expect(decode(given, hex)).toEqual({
      code: 'bad_value',
      detail: expect.stringContaining('v at byte 0: 9007199254740992 is beyond'),
    })
    return
  }
  expect(decode(given, hex)).toEqual([{ readings: [reading('v', value)] }])
  expect(
    createStructCodec(given)
      .encode([{ readings: [reading('v', value)] }])
      .toString('hex'),
  ).toBe(hex)
})

test('struct codec shares the bytes of members with bits while they fit, the lowest bit first', () => {
  const given = layout(['low u8:1', 'x u8'])
  expect(decode(given, '0305')).toEqual([{ readings: [reading('low', 1), reading('x', 5)] }])
  const fields = layout(['a u16:4', 'b u16:9', 'c u16:4', 'd i8:3', 'e i8:5', 'f u16:12 big', 'g u16:4 big'])
  // 0x1ff5: a 5, b 0x1ff; c begins a new u16 as 13 + 4 > 16; d and e are of another width, f and g in another order.
  expect(decode(fields, 'f51f 0a00 87 5 123'.replaceAll(' ', ''))).toEqual([
    {
      readings: [
        ...[reading('a', 5), reading('b', 0x1ff), reading('c', 10), reading('d', -1), reading('e', -16)],
        ...[reading('f', 0x123), reading('g', 5)],
      ],
    },
  ])
  expect(decode(layout(['a u64:1', 'b i64:63']), 'ffffffffffffffff')).toEqual([
    { readings: [reading('a', 1), reading('b', -1)] },
  ])
  expect(decode(layout(['a u32:31', 'b u32:1']), 'ffffffff')).toEqual([
    { readings: [reading('a', 0x7fffffff), reading('b', 1)] },
  ])
})

test('struct codec takes sequence, boot, time and next from their roles', () => {
  const given = layout(['time u32', 'seq u16', 'boot u8', 'next u16', '- u8', 'rain u16'])
  expect(decode(given, '00f15365 1100 03 100e ff 0700')).toEqual([
    { sequence: 17, sequenceBits: 16, boot: 3, nextS: 3600, readings: [reading('rain', 7, 'unix', 1_700_000_000_000)] },
  ])
  expect(decode(layout(['seq u8:6', '- u8:2', 'v u8']), 'c107')).toEqual([
    { sequence: 1, sequenceBits: 6, readings: [reading('v', 7)] },
  ])
})

test.each<[string, string, TimeBase, number]>([
  ['time u32', '00f15365', 'unix', 1_700_000_000_000],
  ['time u64', '0068e5cf8b010000', 'unix', 1_700_000_000_000],
  ['time f64 big', '41d954fc4008313e', 'unix', 1_700_000_000_128],
  ['uptime u16', '5a00', 'boot', 90_000],
  ['uptime f32', '0000c03f', 'boot', 1500],
  ['age u16', '5a00', 'now', -90_000],
  ['age u8', '00', 'now', 0],
])('struct codec reads the time %s', (role, hex, timeBase, timeMs) => {
  const reports = decode(layout([role, 'v u8']), `${hex}01`) as Report[]
  expect(reports[0]?.readings[0]?.timeBase).toBe(timeBase)
  expect(reports[0]?.readings[0]?.timeMs).toBeCloseTo(timeMs, 0)
})

test('struct codec repeats up to the end, a step apart from the time in the head', () => {
  const given = layout(['uptime u16', 'battery u8'], ['rain u8', 'pulse u8'], 60)
  expect(decode(given, '5a00 64 0148 0249')).toEqual([
    {
      readings: [
        reading('battery', 100, 'boot', 90_000),
        ...[reading('rain', 1, 'boot', 90_000), reading('pulse', 72, 'boot', 90_000)],
        ...[reading('rain', 2, 'boot', 150_000), reading('pulse', 73, 'boot', 150_000)],
      ],
    },
  ])
  expect(decode(given, '5a00 64')).toEqual([{ readings: [reading('battery', 100, 'boot', 90_000)] }])
})

test('struct codec takes the last repeat for now when nothing says a time', () => {
  expect(decode(layout([], ['v u8'], 60), '010203')).toEqual([
    { readings: [reading('v', 1, 'now', -120_000), reading('v', 2, 'now', -60_000), reading('v', 3, 'now', 0)] },
  ])
  expect(decode(layout([], ['v u8']), '0102')).toEqual([{ readings: [reading('v', 1), reading('v', 2)] }])
})

test('struct codec makes a report of each repeat when it holds a sequence', () => {
  const given = layout(['boot u8', 'v u8'], ['seq u8', 'age u8', 'w u8'])
  expect(decode(given, '0301 070a05 080006')).toEqual([
    { boot: 3, readings: [reading('v', 1)] },
    { boot: 3, sequence: 7, sequenceBits: 8, readings: [reading('w', 5, 'now', -10_000)] },
    { boot: 3, sequence: 8, sequenceBits: 8, readings: [reading('w', 6, 'now', 0)] },
  ])
})

test.each<[string, StructLayout, string, string, string]>([
  ['a short payload', layout(['a u16']), '01', 'bad_payload', '1 bytes given, 2 wanted'],
  ['a long payload', layout(['a u16']), '010203', 'bad_payload', '3 bytes given, 2 wanted'],
  [
    'half a repeat',
    layout(['a u8'], ['b u16']),
    '010203ff',
    'bad_payload',
    '4 bytes given, 1 and a multiple of 2 wanted',
  ],
  ['not a number', layout(['a u8', 'b f32']), '010000c07f', 'bad_value', 'b at byte 1: NaN'],
  ['infinity', layout(['b f64']), '000000000000f07f', 'bad_value', 'b at byte 0: Infinity'],
  ['a time that is no number', layout(['time f32', 'v u8']), '0000c07f01', 'bad_value', 'time at byte 0: NaN'],
  ['a time too late', layout(['time f64', 'v u8']), '000000000000204401', 'bad_time', 'time at byte 0'],
  ['a negative time', layout(['time i32', 'v u8']), 'ffffffff01', 'bad_time', '-1000 ms (unix)'],
  ['a negative age', layout(['age i8', 'v u8']), 'ff01', 'bad_time', '1000 ms (now)'],
  ['a step into the future', layout(['age u8'], ['v u8'], 60), '320102', 'bad_time', '10000 ms (now)'],
  ['a negative sequence', layout(['seq i8', 'v u8']), 'ff01', 'bad_sequence', 'seq at byte 0: -1 given'],
  ['a broken boot', layout(['boot f32', 'v u8']), '0000c03f01', 'bad_sequence', 'boot at byte 0: 1.5 given'],
  ['a sequence beyond 2^53', layout(['seq u64', 'v u8']), 'ffffffffffffffff01', 'bad_sequence', 'seq at byte 0'],
  ['a negative next', layout(['next i8', 'v u8']), 'ff01', 'bad_value', 'next at byte 0: -1'],
  [
    'too many readings',
    layout([], ['v u8']),
    '00'.repeat(limits.readingsPerMessageMax + 1),
    'bad_payload',
    '10001 readings given',
  ],
])('struct codec names the problem of %s', (_, given, hex, code, part) => {
  expect(decode(given, hex)).toEqual({ code, detail: expect.stringContaining(part) })
})

test('struct codec gives no report when the layout has no channels', () => {
  expect(decode(layout(['seq u8']), '01')).toEqual([])
  expect(decode(layout([]), '')).toEqual([])
})

test('struct codec cannot be made when members ask for bits that there are not', () => {
  expect(() => createStructCodec(layout(['a f32:4']))).toThrow('"a": 4 bits of f32')
  expect(() => createStructCodec(layout(['a u8:9']))).toThrow('"a": 9 bits of u8, 1 to 8 wanted')
})

test('struct encoder throws when the layout cannot hold the readings', () => {
  const codec = createStructCodec(layout(['time u32', 'a u8'], ['b i8:4'], 60))
  const a = reading('a', 1, 'unix', 60_000)
  const encode = (...readings: Report['readings']) => codec.encode([{ readings }])
  expect(encode(a, reading('b', -8, 'unix', 60_000)).toString('hex')).toBe('3c0000000108')
  expect(() => encode(reading('a', 256, 'unix', 0))).toThrow('a is 256, a whole number from 0 to 255')
  expect(() => encode(reading('a', 0.5, 'unix', 0))).toThrow('a is 0.5')
  expect(() => encode(a, reading('b', 8, 'unix', 0))).toThrow('b is 8, a whole number from -8 to 7')
  expect(() => encode(reading('c', 1, 'unix', 0))).toThrow('nothing given for a')
  expect(() => encode(reading('a', 1, 'boot', 0))).toThrow('base boot given for time')
  expect(() => createStructCodec(layout(['seq u8', 'a u8'])).encode([{ readings: [a] }])).toThrow(
    'nothing given for seq',
  )
  expect(() => createStructCodec(layout(['a u8'])).encode([{ readings: [a, a] }])).toThrow('2 readings given, 1 wanted')
})

const seed = Date.now() % 2 ** 31

test(`struct codec writes what it read when layouts and payloads are random, and never throws, seed ${seed}`, () => {
  const chance = createChance(seed)
  const pick = <T>(from: readonly T[]) => from[chance(from.length)] as T
  const roles = columnRoles.filter((role) => role !== '-')
  for (let round = 0; round < 3000; round++) {
    const members = (prefix: string) =>
      Array.from({ length: 1 + chance(5) }, (_, i): StructMember => {
        const type = pick(structTypes)
        const width = Number(type.slice(1))
        const bits = type.startsWith('f') || chance(3) > 0 ? null : 1 + chance(width)
        return { name: chance(6) === 0 ? pick(roles) : `${prefix}${i}`, type, bits, big: chance(2) === 0 }
      })
    const given: StructLayout = {
      head: members('h'),
      repeat: chance(2) === 0 ? [] : members('r'),
      step: chance(3) * 10,
    }
    const codec = createStructCodec(given)
    const hostile = codec.decode(Buffer.from(Array.from({ length: chance(80) }, () => chance(256))), context)
    if (!isProblem(hostile)) {
      const readings = hostile.flatMap((it) => it.readings)
      expect(readings.every((it) => Number.isFinite(it.value) && Number.isFinite(it.timeMs))).toBe(true)
    }
    const plain = { ...given, head: given.head.filter(isPlain), repeat: given.repeat.filter(isPlain), step: 0 }
    const plainCodec = createStructCodec(plain)
    const channels = (of: StructMember[]) =>
      of.map(({ name, bits, type }) => reading(name, chance(2 ** Math.min(20, (bits ?? Number(type.slice(1))) - 1))))
    const readings = channels(plain.head)
    if (plain.repeat.length > 0) for (let i = chance(4); i > 0; i--) readings.push(...channels(plain.repeat))
    const payload = plainCodec.encode([{ readings }])
    expect(plainCodec.decode(payload, context)).toEqual(readings.length === 0 ? [] : [{ readings }])
    plainCodec.decode(tamper(payload, chance), context)
  }
})

const isPlain = ({ name }: StructMember) => !(columnRoles as readonly string[]).includes(name)
