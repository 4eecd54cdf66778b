import { expect, test } from 'vitest'
import { parseTime } from './times.ts'

test.each([
  ['2019-04-06 15:00:00', '2019-04-06T15:00:00.000Z'],
  ['2019-04-06T15:00', '2019-04-06T15:00:00.000Z'],
  ['2019-04-06', '2019-04-06T00:00:00.000Z'],
  ['2019-04-06T15:00:00.25Z', '2019-04-06T15:00:00.250Z'],
  ['2019-04-06T15:00:00+02:00', '2019-04-06T13:00:00.000Z'],
  ['2019-04-06T15:00:00-0330', '2019-04-06T18:30:00.000Z'],
  ['28.07.2018 13:09', '2018-07-28T13:09:00.000Z'],
  ['1.7.2018 9:05:07', '2018-07-01T09:05:07.000Z'],
  ['1554562800', '2019-04-06T15:00:00.000Z'],
  ['1554562800000', '2019-04-06T15:00:00.000Z'],
  ['1554562800.5', '2019-04-06T15:00:00.500Z'],
])('parseTime reads %s when no format is given', (text, wanted) => {
  expect(new Date(parseTime(text) ?? Number.NaN).toISOString()).toBe(wanted)
})

test.each([
  '',
  'noon',
  '2019-02-30',
  '2019-13-01',
  '31.04.2019 00:00',
  '2019-04-06 24:00',
  '2019-04-06 15:60',
  '06/04/2019',
  '-5',
])('parseTime refuses "%s"', (text) => {
  expect(parseTime(text)).toBeNull()
})

test('parseTime reads nothing else when a format is given', () => {
  expect(parseTime('28.07.2018 13:09', 'iso')).toBeNull()
  expect(parseTime('2018-07-28', 'dmy')).toBeNull()
  expect(parseTime('2018-07-28', 'epoch-s')).toBeNull()
  expect(parseTime('1000', 'epoch-ms')).toBe(1000)
  expect(parseTime('1000', 'epoch-s')).toBe(1_000_000)
})
