import { expect, test } from 'vitest'
import { createMemory } from '../reading.ts'
import { treeDefaults } from '../route.ts'
import { createMsgpackCodec } from './msgpack.ts'
import { decodeMsgpackItem } from './msgpack-item.ts'

const context = { topic: 't', memory: createMemory() }
const decode = (hex: string, layout = {}) =>
  createMsgpackCodec({ ...treeDefaults, ...layout }).decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), context)

/** One of each format of the specification. */
test.each<[string, unknown]>([
  ['7f', 127],
  ['e0', -32],
  ['ccff', 255],
  ['cdffff', 65_535],
  ['ceffffffff', 4_294_967_295],
  ['cfffffffffffffffff', 18_446_744_073_709_551_615n],
  ['d080', -128],
  ['d18000', -32_768],
  ['d280000000', -2_147_483_648],
  ['d38000000000000000', -9_223_372_036_854_775_808n],
  ['ca3fc00000', 1.5],
  ['cb3ff199999999999a', 1.1],
  ['c0', null],
  ['c2', false],
  ['c3', true],
  ['a0', ''],
  ['a2c3bc', 'ü'],
  ['d90161', 'a'],
  ['da000161', 'a'],
  ['db0000000161', 'a'],
  ['920102', [1, 2]],
  ['dc00020102', [1, 2]],
  ['dd000000020102', [1, 2]],
  ['82a16101a162920203', { a: 1, b: [2, 3] }],
  ['de0001a16101', { a: 1 }],
  ['df00000001fd05', { '-3': 5 }],
  ['d6ff6553f100', 1_700_000_000],
  ['d7ff773594006553f100', 1_700_000_000.5],
  ['c70cff1dcd6500000000006553f100', 1_700_000_000.5],
])('MessagePack item %s is read', (hex, value) => {
  expect(decodeMsgpackItem(Buffer.from(hex, 'hex'))).toEqual(value)
})

test('msgpack reads a timestamp, and 64 bits as a number up to 2^53', () => {
  const readings = [{ channel: '', value: 7, unit: '', timeBase: 'unix', timeMs: 1_700_000_000_500 }]
  const payload = '83 a176 cf0000000000000007 a174 d7ff773594006553f100 a3736571 d30000000000000005'
  expect(decode(payload)).toEqual([{ readings, sequence: 5 }])
})

test.each([
  ['nothing', '', 'bad_payload'],
  ['a truncated map', '81a176', 'bad_payload'],
  ['a truncated number', '81a176cb3ff1', 'bad_payload'],
  ['a truncated text', '81a176a36161', 'bad_payload'],
  ['bytes behind the item', '81a17601 00', 'bad_payload'],
  ['a huge array', 'dd06000000', 'bad_payload'],
  ['a huge map', 'df06000000', 'bad_payload'],
  ['the byte that is never used', 'c1', 'bad_value'],
  ['not a number', '81a176cb7ff8000000000000', 'bad_value'],
  ['a number beyond 2^53', '81a176cf0020000000000001', 'bad_value'],
  ['bytes as value', '81a176c40101', 'bad_value'],
  ['a timestamp of another length', '81a174d5ff0000', 'bad_payload'],
  ['an unknown extension', '81a176d40501', 'bad_payload'],
  ['a regular expression', '81a176 c70078 92a128a0', 'bad_payload'],
  ['a typed array', '81a176 c70374 010203', 'bad_payload'],
  ['a part by reference', '92 d66900000001 9101 d67000000001', 'bad_payload'],
  ['bundled strings', 'd662 00000008 01 a0 a0', 'bad_payload'],
  ['an array as key', '81 9101 01', 'bad_payload'],
])('msgpack refuses %s', (_, hex, code) => {
  expect(decode(hex)).toMatchObject({ code, detail: expect.stringMatching(/.{20}/) })
})

test('msgpack refuses what nests deeply, and reads on', () => {
  for (const bytes of ['91', '81a161', 'dd00000001', 'd4724091a161']) {
    expect(decode(bytes.repeat(60_000))).toMatchObject({ code: 'bad_payload' })
    expect(decode('81a17601')).toHaveLength(1)
  }
})
