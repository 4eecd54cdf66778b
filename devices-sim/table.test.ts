import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Row, readTable, type TableOptions } from './table.ts'

const read = (text: string, options: TableOptions = {}): Row[] => [...readTable(text, options)]

/** Time and value of the rows, or the problem. */
const brief = (text: string, options?: TableOptions) =>
  read(text, options).map((row) => ('problem' in row ? row.problem : [row.timeMs, row.value]))

test('table skips the header when the value of the first line is no number', () => {
  expect(brief('date;mm\n1000;0.2\n2000;0.4\n', { timeFormat: 'epoch-ms' })).toEqual([
    [1000, 0.2],
    [2000, 0.4],
  ])
})

test('table takes the first line as a row when its value is a number', () => {
  expect(brief('5,1\n6,2')).toEqual([
    [5000, 1],
    [6000, 2],
  ])
})

test.each([';', ',', '\t'])('table guesses the separator when it is "%s"', (separator) => {
  expect(brief(`t${separator}v\n5${separator}1`)).toEqual([[5000, 1]])
})

test('table finds columns by name and by number', () => {
  const text = 'id,volt,when\n9,3.7,5'
  expect(brief(text, { time: 'when', value: 'volt' })).toEqual([[5000, 3.7]])
  expect(brief(text, { time: '3', value: '2' })).toEqual([[5000, 3.7]])
})

test('table takes the other column as value when the time is the second of two', () => {
  expect(brief('v,t\n1,5', { time: 't' })).toEqual([[5000, 1]])
})

test('table reads cells in quotes, a byte order mark and CRLF', () => {
  expect(brief('\uFEFFt,v,note\r\n"5","1","wet, ""very"" wet"\r\n\r\n', { value: 'v' })).toEqual([[5000, 1]])
})

test('table sums the values when they are intervals', () => {
  const intervals = { unitMs: 1, startMs: 10_000 }
  expect(brief('1114\r\n1113\r\n\r\n', { intervals })).toEqual([
    [11_114, 1114],
    [12_227, 1113],
  ])
})

test('table tells line and problem of a row that cannot be read, and numbers it like the others', () => {
  expect(read('t;v\n5;1\n\n5;wet\nnoon;1\n5\n6;2')).toEqual([
    { number: 1, line: 2, timeMs: 5000, value: 1 },
    { number: 2, line: 4, problem: 'the value is "wet", a number like 1.2 wanted' },
    { number: 3, line: 5, problem: 'the time is "noon", a time like 2019-04-06 15:00:00 wanted' },
    { number: 4, line: 6, problem: 'the value is missing, a number like 1.2 wanted' },
    { number: 5, line: 7, timeMs: 6000, value: 2 },
  ])
})

test('table names the columns when one is not found, missing, or without times', () => {
  expect(() => read('a,b,c\n1,2,3', { value: 'x' })).toThrow('--value: "x" given, the columns are a, b, c (or 1 to 3)')
  expect(() => read('a,b,c\n1,2,3', { value: '4' })).toThrow('--value: "4" given')
  expect(() => read('a,b,c\n1,2,3')).toThrow('--value: not given, one of the columns a, b, c (or 1 to 3) wanted')
  expect(() => read('1114\n1113')).toThrow('--intervals ms')
})

test('table is empty when the file is', () => {
  expect(read('\n\n')).toEqual([])
})

/** Real readings, which are not part of the project. */
const folder = new URL('../../shared/data/', import.meta.url)
describe.skipIf(!existsSync(folder))('table of ../shared/data (skipped where the folder is absent)', () => {
  const total = (file: string, options: TableOptions = {}) => {
    const rows = read(readFileSync(new URL(file, folder), 'utf8'), options)
    const values = rows.map((row) => ('problem' in row ? Number.NaN : row.value))
    return { rows: rows.length, sum: Number(values.reduce((sum, value) => sum + value, 0).toPrecision(12)) }
  }

  test('has every tip of the rain gauge', () => {
    expect(total('rain-gauge-tips.csv')).toEqual({ rows: 2632, sum: 526.2 })
  })

  test('has every hour of the node', () => {
    expect(total('node-voltage-hours.csv', { value: 'battery_v' })).toEqual({ rows: 12_710, sum: 34_403.45 })
  })

  test('has every heart beat', () => {
    const intervals = { unitMs: 1, startMs: 0 }
    expect(total('rr-intervals.txt', { intervals })).toEqual({ rows: 910, sum: 963_434 })
  })
})
