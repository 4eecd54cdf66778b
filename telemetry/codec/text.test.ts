import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { createMemory } from '../reading.ts'
import { textCodec } from './text.ts'

const decode = (payload: Buffer | string) =>
  textCodec.decode(Buffer.from(payload), { topic: 't', memory: createMemory() })
const reports = (value: string) => [
  { readings: [{ channel: '', value, unit: '', timeBase: 'none' as const, timeMs: 0 }] },
]

test.each(['ok', '23.5', ' two\twords\n', 'Tür öffnet 🚪', 'x'.repeat(limits.textBytesMax)])(
  'text codec keeps %j',
  (text) => {
    expect(decode(text)).toEqual(reports(text))
    expect(textCodec.encode(reports(text))).toEqual(Buffer.from(text))
  },
)

test.each([
  ['no bytes', Buffer.alloc(0), 'bad_value'],
  ['bytes that are not UTF-8', Buffer.from([0x61, 0xc3]), 'bad_value'],
  ['half a surrogate pair', Buffer.from([0xed, 0xa0, 0x80]), 'bad_value'],
  ['a null character', Buffer.from('a\0b'), 'bad_value'],
  ['an escape sequence', Buffer.from('\x1b[31m'), 'bad_value'],
  ['a C1 control character', Buffer.from('\u0085'), 'bad_value'],
  ['one byte more than the limit', Buffer.alloc(limits.textBytesMax + 1, 'x'), 'bad_payload'],
])('text codec refuses %s', (_, payload, code) => {
  expect(decode(payload)).toMatchObject({ code, detail: expect.stringMatching(/wanted$/) })
})

test('text codec throws when there is more to write than a text', () => {
  const [report] = reports('a')
  const [reading] = report?.readings ?? []
  if (report === undefined || reading === undefined) throw new Error('no report')
  expect(() => textCodec.encode([])).toThrow('one reading')
  expect(() => textCodec.encode([report, report])).toThrow('one reading')
  expect(() => textCodec.encode([{ ...report, sequence: 1 }])).toThrow('value only')
  expect(() => textCodec.encode([{ readings: [{ ...reading, value: 5 }] }])).toThrow('text')
  expect(() => textCodec.encode(reports('\0'))).toThrow('control')
})
