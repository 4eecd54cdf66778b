import { expect, test } from 'vitest'
import { fieldOf, placeholdersOf, takesChannel } from './schema.ts'

test.each([
  ['', 'value'],
  ['temp', 'temp'],
  ['1', '1'],
  ['$.data.temp', 'data_temp'],
  ['a[0].b', 'a_0_b'],
  ['soil moisture (%)', 'soil_moisture'],
  ['Höhe-2', 'Höhe-2'],
  ['_start', 'start'],
  ['%', 'value'],
  ['a\n\\b', 'a_b'],
  ['time', 'time_value'],
  ['time_quality', 'time_quality_value'],
])('fieldOf makes of the channel %j the field %j', (channel, field) => {
  expect(fieldOf(channel)).toBe(field)
})

test('placeholdersOf gives the names in braces when a measurement has some', () => {
  expect(placeholdersOf('{crop}_{channel}')).toEqual(['crop', 'channel'])
  expect(placeholdersOf('rainfall')).toEqual([])
})

test.each([
  ['{channel}', ['device'], true],
  ['x_{channel}', ['device'], true],
  ['{channel}', ['device', 'channel'], false],
  ['{device}', ['device'], false],
])('takesChannel says of %s with the levels %j: %s', (measurement, names, answer) => {
  expect(takesChannel(measurement, names)).toBe(answer)
})
