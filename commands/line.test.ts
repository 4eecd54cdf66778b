import { expect, test } from 'vitest'
import { differences, millisecond, parseLine } from './line.ts'

const same = { missing: [], surplus: [] }

test('parseLine gives one point for each field, with names as they are without escapes', () => {
  expect(parseLine('rain\\ fall,site=a\\,b,device=d\\=1 value=1.5,note="a, \\"b\\" = c" 17')).toEqual([
    {
      measurement: 'rain fall',
      tags: [
        ['device', 'd=1'],
        ['site', 'a,b'],
      ],
      field: 'value',
      value: '1.5',
      time: 17n,
    },
    {
      ...{
        measurement: 'rain fall',
        tags: [
          ['device', 'd=1'],
          ['site', 'a,b'],
        ],
      },
      ...{ field: 'note', value: '"a, \\"b\\" = c"', time: 17n },
    },
  ])
})

test('parseLine takes a quote for a character when it stands in a tag', () => {
  expect(parseLine('m,device=5" value=1')?.[0]?.tags).toEqual([['device', '5"']])
})

test.each(['', 'a', 'a b=x', 'a,b c=1', 'a b', 'a b=', 'a b=1 x', 'a b=1 1 1', ',x=y b=1', 'a b="1'])(
  'parseLine answers null when the text is %j',
  (text) => {
    expect(parseLine(text)).toBeNull()
  },
)

test.each([
  ['tags stand in another order', 'm,a=1,b=2 v=1', 'm,b=2,a=1 v=1 1000000'],
  ['a number is written in another way', 'm v=1.0', 'm v=1 1000000'],
  ['a number differs by a rounding error', 'm v=0.3', 'm v=0.30000000000000004 1000000'],
  ['true is written in another way', 'm v=t', 'm v=true 1000000'],
  ['the time has digits below its millisecond', 'm v=1 1700000000000', 'm v=1 1700000000000000017'],
  ['an expected time lies before 1970', 'm v=1 -1', 'm v=1 -999999'],
])('differences finds none when %s', (_, expected, got) => {
  expect(differences([expected], [got])).toEqual(same)
})

test.each([
  ['the value is another', 'm v=1', 'm v=2 1'],
  ['the field is an integer', 'm v=1', 'm v=1i 1'],
  ['the value is a text', 'm v=1', 'm v="1" 1'],
  ['a tag is missing', 'm,a=1 v=1', 'm v=1 1'],
  ['the millisecond is another', 'm v=1 2', 'm v=1 1000000'],
  ['what is expected is no line protocol', 'm', 'm v=1 1'],
])('differences shows both lines when %s', (_, expected, got) => {
  expect(differences([expected], [got])).toEqual({ missing: [expected], surplus: [got] })
})

test('differences takes a line with two fields for two points, in any order', () => {
  expect(differences(['m a=1,b=2 5'], ['m b=2 5000000', 'm a=1 5000000'])).toEqual(same)
})

test('differences wants a line twice when it is expected twice', () => {
  expect(differences(['m v=1', 'm v=1'], ['m v=1 1'])).toEqual({ missing: ['m v=1'], surplus: [] })
})

test('differences looks at meta fields only when one is expected', () => {
  const got = ['m v=1 1', 'm time_quality="received" 1']
  expect(differences(['m v=1'], got)).toEqual(same)
  expect(differences(['m v=1,time_quality="received"'], got)).toEqual(same)
  expect(differences(['m v=1,time_quality="device"'], got).missing).toHaveLength(1)
})

test('millisecond goes down, before 1970 too', () => {
  expect([millisecond(1_999_999n), millisecond(-1n), millisecond(-1_000_000n)]).toEqual([1n, -1n, -1n])
})
