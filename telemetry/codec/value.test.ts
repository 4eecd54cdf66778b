import { expect, test } from 'vitest'
import { isProblem, type Report } from '../reading.ts'
import { decodeValue, type NumberReading, valueCodec } from './value.ts'

const reports = ({ value, timeMs, sequence }: NumberReading) => {
  const timeBase = timeMs === undefined ? 'none' : 'unix'
  const readings = [{ channel: '', value, unit: '', timeBase, timeMs: timeMs ?? 0 }]
  return [sequence === undefined ? { readings } : { readings, sequence }]
}
const decode = (text: string) => decodeValue(Buffer.from(text))

test.each([
  ['1.2', { value: 1.2 }],
  [' -0.5e-3\n', { value: -0.0005 }],
  ['+7', { value: 7 }],
  ['.5', { value: 0.5 }],
  ['{"v":1.2}', { value: 1.2 }],
  ['{"v":1.2,"t":1700000000000,"seq":17}', { value: 1.2, timeMs: 1_700_000_000_000, sequence: 17 }],
  ['{"v":0,"t":1700000000}', { value: 0, timeMs: 1_700_000_000_000 }],
  ['{"v":0,"t":1700000000.5}', { value: 0, timeMs: 1_700_000_000_500 }],
  ['{"v":0,"t":"2023-11-14T22:13:20Z"}', { value: 0, timeMs: 1_700_000_000_000 }],
  ['{"v":0,"t":"2023-11-14T23:13:20.250+01:00"}', { value: 0, timeMs: 1_700_000_000_250 }],
  ['{"v":0,"t":"2023-11-14 22:13:20"}', { value: 0, timeMs: 1_700_000_000_000 }],
  ['{"v":0,"t":"2023-11-14"}', { value: 0, timeMs: 1_699_920_000_000 }],
  ['{"v":1,"t":null,"seq":null,"extra":[1]}', { value: 1 }],
])('value codec reads %s', (text, reading) => {
  expect(decode(text)).toEqual(reports(reading))
})

test.each([
  ['', 'bad_value'],
  ['abc', 'bad_value'],
  ['NaN', 'bad_value'],
  ['Infinity', 'bad_value'],
  ['0x10', 'bad_value'],
  ['1,5', 'bad_value'],
  ['1e999', 'bad_value'],
  ['[1]', 'bad_value'],
  ['{"v":', 'bad_payload'],
  ['{"value":1}', 'bad_value'],
  ['{"v":"1"}', 'bad_value'],
  ['{"v":1e999}', 'bad_value'],
  ['{"v":1,"t":"yesterday"}', 'bad_time'],
  ['{"v":1,"t":-5}', 'bad_time'],
  ['{"v":1,"t":1e300}', 'bad_time'],
  ['{"v":1,"t":"2023-13-45"}', 'bad_time'],
  ['{"v":1,"seq":-1}', 'bad_sequence'],
  ['{"v":1,"seq":1.5}', 'bad_sequence'],
  ['{"v":1,"seq":"7"}', 'bad_sequence'],
  ['1'.repeat(2000), 'bad_payload'],
])('value codec names the problem of %s', (text, code) => {
  const problem = decode(text)
  expect(problem).toMatchObject({ code })
  expect((problem as { detail: string }).detail.length).toBeGreaterThan(10)
})

test('value codec throws for no bytes whatever, and gives finite numbers only', () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  console.log(`seed ${seed}`)
  let state = seed
  const next = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state % below
  }
  const parts = [
    '{',
    '}',
    '"v"',
    '"t"',
    '"seq"',
    ':',
    ',',
    '1',
    '-',
    'e',
    '9',
    '.',
    'null',
    '[',
    ']',
    ' ',
    '\0',
    '\xff',
  ]
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: next(12) }, () => parts[next(parts.length)]).join('')
    const result = decodeValue(Buffer.from(text, 'latin1'))
    if (!isProblem(result)) expect(Number.isFinite(result[0]?.readings[0]?.value)).toBe(true)
  }
})

test('value codec reads what it wrote', () => {
  for (const reading of [{ value: -1.25 }, { value: 3.712, timeMs: 1_700_000_000_123, sequence: 0 }]) {
    expect(decodeValue(valueCodec.encode(reports(reading) as Report[]))).toEqual(reports(reading))
  }
})
