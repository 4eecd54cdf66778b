import { expect, test } from 'vitest'
import { createMemory } from '../reading.ts'
import { treeDefaults } from '../route.ts'
import { createCborCodec } from './cbor.ts'
import { decodeCborItem } from './cbor-item.ts'

const context = { topic: 't', memory: createMemory() }
const decode = (hex: string, layout = {}) =>
  createCborCodec({ ...treeDefaults, ...layout }).decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), context)

/** [RFC 8949 Appendix A] */
test.each<[string, unknown]>([
  ['00', 0],
  ['17', 23],
  ['1818', 24],
  ['1903e8', 1000],
  ['1a000f4240', 1_000_000],
  ['1b000000e8d4a51000', 1_000_000_000_000n],
  ['1bffffffffffffffff', 18_446_744_073_709_551_615n],
  ['c249010000000000000000', Error],
  ['3bffffffffffffffff', -18_446_744_073_709_551_616n],
  ['20', -1],
  ['3903e7', -1000],
  ['f90000', 0],
  ['f98000', -0],
  ['f93c00', 1],
  ['fb3ff199999999999a', 1.1],
  ['f93e00', 1.5],
  ['f97bff', 65_504],
  ['fa47c35000', 100_000],
  ['fa7f7fffff', 3.4028234663852886e38],
  ['fb7e37e43c8800759c', 1e300],
  ['f90001', 2 ** -24],
  ['f90400', 0.00006103515625],
  ['f9c400', -4],
  ['f97c00', Number.POSITIVE_INFINITY],
  ['f97e00', Number.NaN],
  ['f4', false],
  ['f5', true],
  ['f6', null],
  ['c074323031332d30332d32315432303a30343a30305a', '2013-03-21T20:04:00Z'],
  ['c11a514b67b0', 1_363_896_240],
  ['c1fb41d452d9ec200000', 1_363_896_240.5],
  ['60', ''],
  ['6449455446', 'IETF'],
  ['62c3bc', 'ü'],
  ['80', []],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  ['a201020304', { 1: 2, 3: 4 }],
  ['a26161016162820203', { a: 1, b: [2, 3] }],
  ['9fff', []],
  ['9f018202039f0405ffff', [1, [2, 3], [4, 5]]],
  ['bf61610161629f0203ffff', { a: 1, b: [2, 3] }],
])('CBOR item %s is read', (hex, value) => {
  const payload = Buffer.from(hex, 'hex')
  if (value === Error) expect(() => decodeCborItem(payload)).toThrow('bignum')
  else expect(decodeCborItem(payload)).toEqual(value)
})

test.each([
  // [RFC 8949 §3.4.4]
  ['c48221196ab3', 273.15],
  ['c4823a00000016 1b 002386f26fc10001'.replaceAll(' ', ''), 1.0000000000000001e-7],
  ['c4822003', 0.3],
  ['c48220c243010000', 6553.6],
])('CBOR decimal fraction %s is the nearest double', (hex, value) => {
  expect(decodeCborItem(Buffer.from(hex, 'hex'))).toBe(value)
})

test('cbor reads integer keys by their number, and 64 bits as a number up to 2^53', () => {
  // {-3: 1700000000, 0: 21.5(f16), "seq": 7 as u64}
  const layout = { values: ['0'], time: '-3' }
  const readings = [{ channel: '', value: 21.5, unit: '', timeBase: 'unix', timeMs: 1_700_000_000_000 }]
  expect(decode('a3 22 1a6553f100 00 f94d60 63736571 1b0000000000000007', layout)).toEqual([{ readings, sequence: 7 }])
})

test('cbor reads small numbers that were written with 64 bits', () => {
  const wide = (n: number) => `1b${n.toString(16).padStart(16, '0')}`
  const payload = `a5 6176 82${wide(1)}${wide(2)} 6174${wide(1_700_000_000)} 626474${wide(60)} 63736571${wide(3)} 646e657874${wide(600)}`
  const reading = { channel: '', unit: '', timeBase: 'unix' }
  const readings = [
    { ...reading, value: 1, timeMs: 1_700_000_000_000 },
    { ...reading, value: 2, timeMs: 1_700_000_060_000 },
  ]
  expect(decode(payload)).toEqual([{ readings, sequence: 3, nextS: 600 }])
})

test.each([
  ['nothing', '', 'bad_payload'],
  ['a truncated map', 'a16176', 'bad_payload'],
  ['a truncated number', 'a16176fb3ff1', 'bad_payload'],
  ['a truncated text', 'a161766361 61', 'bad_payload'],
  ['bytes behind the item', 'a1617601 00', 'bad_payload'],
  ['a huge array', '9a06000000', 'bad_payload'],
  ['a huge map', 'ba06000000', 'bad_payload'],
  ['a break alone', 'ff', 'bad_payload'],
  ['a reserved length', '1c', 'bad_payload'],
  ['an array without end', '9f01', 'bad_payload'],
  ['a text in chunks', '7f6161ff', 'bad_payload'],
  ['infinity', 'a16176f97c00', 'bad_value'],
  ['a number beyond 2^53', 'a161761b0020000000000001', 'bad_value'],
  ['bytes as value', 'a161764101', 'bad_value'],
  ['a decimal fraction without end', 'a16176c482 1b7fffffffffffffff 01', 'bad_payload'],
  ['a regular expression (tag 27)', `a16176d81b82 66${Buffer.from('RegExp').toString('hex')} 6128`, 'bad_payload'],
  [
    'a typed array of a gigabyte (tag 64)',
    `a16176d840a1 66${Buffer.from('buffer').toString('hex')} 1a3b9aca00`,
    'bad_payload',
  ],
  ['a part by reference (tags 28, 29)', 'd81c 82 01 d81d00', 'bad_payload'],
  ['an array as key', 'a1 8101 01', 'bad_payload'],
])('cbor refuses %s', (_, hex, code) => {
  expect(decode(hex)).toMatchObject({
    code,
    detail: expect.stringMatching(/.{20}/),
  })
})

test('cbor refuses what nests deeply, and reads on', () => {
  for (const byte of ['81', 'c1', '9f', 'd9dfff83']) {
    expect(decode(byte.repeat(100_000))).toMatchObject({ code: 'bad_payload' })
    expect(decode('a1617601')).toHaveLength(1)
  }
})

test('cbor spends little on a large bignum', () => {
  const begun = performance.now()
  expect(decode(`c25a00030000${'ff'.repeat(0x30000)}`)).toMatchObject({ code: 'bad_payload' })
  expect(performance.now() - begun).toBeLessThan(200)
})

test('cbor compiles no record definition that a payload brings', () => {
  // Tag 0xdfff: a record with the key "v", read four times: the default build of cbor-x makes a function of it.
  const record = 'd9dfff83 19e000 816176 01'
  const again = 'd9e000 8101'
  const made = globalThis.Function
  const compiled: unknown[] = []
  globalThis.Function = new Proxy(made, {
    construct(target, given) {
      compiled.push(given)
      return Reflect.construct(target, given)
    },
  })
  try {
    decode(`85${record}${again.repeat(4)}`)
  } finally {
    globalThis.Function = made
  }
  expect(compiled).toEqual([])
})
