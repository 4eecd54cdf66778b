import { deflateSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { createMemory } from '../reading.ts'
import { compressed } from './compressed.ts'
import { createCsvCodec } from './csv.ts'
import { textCodec } from './text.ts'

const context = { topic: 't', memory: createMemory() }
const reports = [{ readings: [{ channel: '', value: 'hello', unit: '', timeBase: 'none' as const, timeMs: 0 }] }]

test.each(['gzip', 'zlib'] as const)('%s reads what it wrote', (compression) => {
  const codec = compressed(textCodec, compression)
  expect(codec.decode(codec.encode(reports), context)).toEqual(reports)
})

test('gzip reads a payload of several members [RFC 1952 §2.2]', () => {
  const payload = Buffer.concat([gzipSync('hel'), gzipSync('lo')])
  expect(compressed(textCodec, 'gzip').decode(payload, context)).toEqual(reports)
})

const gzip = gzipSync('hello')
const zlib = deflateSync('hello')

test.each([
  ['gzip', 'no bytes', Buffer.alloc(0), 'not gzip data'],
  ['gzip', 'plain text', Buffer.from('hello'), 'not gzip data'],
  ['gzip', 'zlib data', zlib, 'not gzip data'],
  ['gzip', 'a truncated payload', gzip.subarray(0, -3), 'not gzip data'],
  ['gzip', 'garbage behind it', Buffer.concat([gzip, Buffer.from('xyz')]), 'not gzip data'],
  ['gzip', 'zeros behind it', Buffer.concat([gzip, Buffer.alloc(3)]), '3 bytes stand behind'],
  ['gzip', 'a bomb', gzipSync(Buffer.alloc(64 * limits.inflatedBytesMax)), 'inflates to more than'],
  ['zlib', 'gzip data', gzip, 'not zlib data'],
  ['zlib', 'a truncated payload', zlib.subarray(0, -1), 'not zlib data'],
  ['zlib', 'a wrong checksum', Buffer.concat([zlib.subarray(0, -1), Buffer.from([0])]), 'not zlib data'],
  ['zlib', 'garbage behind it', Buffer.concat([zlib, Buffer.from('xyz')]), '3 bytes stand behind'],
  ['zlib', 'a bomb', deflateSync(Buffer.alloc(limits.inflatedBytesMax + 1)), 'inflates to more than'],
] as const)('%s refuses %s', (compression, _, payload, detail) => {
  const result = compressed(textCodec, compression).decode(payload, context)
  expect(result).toEqual({ code: 'bad_payload', detail: expect.stringContaining(detail) })
})

test('gzip hands a payload on when it inflates to exactly the limit', () => {
  const codec = compressed(createCsvCodec({ columns: ['v'], separator: ',', headerLines: 0 }), 'gzip')
  expect(codec.decode(gzipSync(Buffer.alloc(limits.inflatedBytesMax, '\n')), context)).toEqual([])
})
