import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { createMemory, type Reading, type Report } from '../reading.ts'
import { createCsvCodec } from './csv.ts'

const context = { topic: 't', memory: createMemory() }
const codec = (columns: string[], { separator = ',', headerLines = 0 } = {}) =>
  createCsvCodec({ columns, separator, headerLines })
const reading = (
  channel: string,
  value: Reading['value'],
  timeBase: Reading['timeBase'] = 'none',
  timeMs = 0,
): Reading => ({
  channel,
  value,
  unit: '',
  timeBase,
  timeMs,
})
const t = 1_700_000_000
const ms = t * 1000

test.each<[string, ReturnType<typeof codec>, string, Report[]]>([
  ['one cell', codec(['v']), '1.5', [{ readings: [reading('', 1.5)] }]],
  [
    'lines of one report, with \\r\\n and empty ones',
    codec(['time', 'a', 'b']),
    `\r\n${t},1,2\r\n\r\n2023-11-14T22:13:21Z, -3 ,open\r\n`,
    [
      {
        readings: [
          reading('a', 1, 'unix', ms),
          reading('b', 2, 'unix', ms),
          reading('a', -3, 'unix', ms + 1000),
          reading('b', 'open', 'unix', ms + 1000),
        ],
      },
    ],
  ],
  [
    'a report for each line when there is a sequence',
    codec(['seq', 'boot', 'v', 'uptime', '-', 'next'], { separator: ';' }),
    '5;2;1.5;60.25;whatever;600\n6;;2;61;;',
    [
      { readings: [reading('', 1.5, 'boot', 60_250)], sequence: 5, boot: 2, nextS: 600 },
      { readings: [reading('', 2, 'boot', 61_000)], sequence: 6 },
    ],
  ],
  [
    'ages',
    codec(['age', 'v']),
    '30,1\n0,2',
    [{ readings: [reading('', 1, 'now', -30_000), reading('', 2, 'now', 0)] }],
  ],
  [
    'the first time that is filled in',
    codec(['time', 'uptime', 'v']),
    `${t},5,1\n,6,2`,
    [{ readings: [reading('', 1, 'unix', ms), reading('', 2, 'boot', 6000)] }],
  ],
  [
    'header lines, and empty cells as not measured',
    codec(['a', 'b'], { headerLines: 2 }),
    'a,b\nV\n,2',
    [{ readings: [reading('b', 2)] }],
  ],
  ['what is no decimal number as text', codec(['v']), '0x10', [{ readings: [reading('', '0x10')] }]],
  ['no lines as no reports', codec(['v']), '\n\n', []],
])('csv reads %s', (_, { decode }, text, reports) => {
  expect(decode(Buffer.from(text), context)).toEqual(reports)
})

test.each<[string, string, string, string]>([
  ['a line with too few columns', '1,2,3,4\n1,2', 'bad_payload', 'line 2 has 2 columns, 4 wanted'],
  ['a line with too many columns', '1,2,3,4,5', 'bad_payload', 'line 1 has 5 columns, 4 wanted'],
  ['a line without a value', `${t},1,,`, 'bad_value', 'line 1: no channel has a value'],
  ['a number that is too large', `${t},1,1e999,`, 'bad_value', 'channel "a" is "1e999"'],
  ['a printed NaN', `${t},1,-nan,`, 'bad_value', '"-nan"'],
  ['a long text', `${t},1,${'x'.repeat(limits.valueCharsMax + 1)},`, 'bad_value', '1025 characters'],
  ['a wrong time', 'noon,1,1,1', 'bad_time', 'time is "noon"'],
  ['a broken sequence', `${t},-1,1,1`, 'bad_sequence', 'seq is "-1"'],
  [
    'more readings than the limit',
    '1,1,1,1\n'.repeat(limits.readingsPerMessageMax / 2 + 1),
    'bad_payload',
    'more than',
  ],
])('csv names the problem of %s', (_, text, code, detail) => {
  const result = codec(['time', 'seq', 'a', 'b']).decode(Buffer.from(text), context)
  expect(result).toEqual({ code, detail: expect.stringContaining(detail) })
})

test('csv refuses an age in the future, and bytes that are not UTF-8', () => {
  expect(codec(['age', 'v']).decode(Buffer.from('-5,1'), context)).toMatchObject({ code: 'bad_time' })
  expect(codec(['v']).decode(Buffer.from([0xff]), context)).toMatchObject({ code: 'bad_payload' })
})

test('csv writes header lines, and cells where the columns stand', () => {
  const { encode } = codec(['v', '-', 'age', 'seq'], { headerLines: 1, separator: ';' })
  const reports = [{ readings: [reading('', 1.5, 'now', -30_000)], sequence: 7 }]
  expect(encode(reports).toString()).toBe('v;-;age;seq\n1.5;;30;7\n')
})

test.each<[string, string[], Report[]]>([
  ['a text holds the separator', ['v'], [{ readings: [reading('', 'a,b')] }]],
  ['a text looks like a number', ['v'], [{ readings: [reading('', '12')] }]],
  ['a value is a boolean', ['v'], [{ readings: [reading('', true)] }]],
  ['there is no column for the time', ['v', 'uptime'], [{ readings: [reading('', 1, 'unix', ms)] }]],
  ['there is no column for the sequence', ['v'], [{ readings: [reading('', 1)], sequence: 1 }]],
  ['there is no column for the channel', ['a', 'b'], [{ readings: [reading('c', 1)] }]],
  ['a report takes several lines', ['v', 'seq'], [{ readings: [reading('', 1), reading('', 2)], sequence: 1 }]],
])('csv throws when %s', (_, columns, reports) => {
  expect(() => codec(columns).encode(reports)).toThrow()
})
