import { expect, test } from 'vitest'
import { fieldOf, fieldProblem, measurementProblem, placeholdersOf, takesChannel } from './schema.ts'

test.each([
  ['', 'value'],
  ['temp', 'temp'],
  ['1', '1'],
  ['$.data.temp', 'data_temp'],
  ['a[0].b', 'a_0_b'],
  ['soil moisture (%)', 'soil_moisture'],
  ['Höhe-2', 'Höhe-2'],
  ['_start__of_', 'start_of'],
  ['%', 'value'],
  ['a\n\\b', 'a_b'],
  ['time', 'time_value'],
  ['time_quality', 'time_quality_value'],
])('fieldOf makes of the channel %j the field %j', (channel, field) => {
  expect(fieldOf(channel)).toBe(field)
})

test('fieldOf takes time in proportion to the name when it is hostile', () => {
  const channel = `x${'_'.repeat(250_000)}x${'. '.repeat(250_000)}x`
  const begun = performance.now()
  expect(fieldOf(channel)).toBe('x_x_x')
  expect(performance.now() - begun).toBeLessThan(1_000)
})

test.each([
  ['', 'is empty'],
  ['#m', 'begins with #'],
  ['_m', 'begins with _'],
  ['a\\b', 'holds a backslash'],
  ['a\nb', 'holds control characters'],
  ['completeness', 'is where the platform writes'],
  ['device_state', 'is where the platform writes'],
])('measurementProblem says why %j is none', (name, reason) => {
  expect(measurementProblem(name)).toContain(reason)
})

test.each([
  ['time', 'the time of a point'],
  ['time_quality', 'how good a time is'],
  ['_a', 'begins with _'],
])('fieldProblem says why %j is none', (name, reason) => {
  expect(fieldProblem(name)).toContain(reason)
})

test('measurementProblem and fieldProblem have nothing to say when a name is plain', () => {
  expect([measurementProblem('soil moisture'), measurementProblem('time'), fieldProblem('completeness')]).toEqual([
    null,
    null,
    null,
  ])
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
