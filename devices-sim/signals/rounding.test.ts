import { expect, test } from 'vitest'
import { stepsOf } from './rounding.ts'

test.each([
  [0.2, 3 * 0.2, 0.6],
  [0.001, 3.7124999, 3.712],
  [1e-5, 51.0000149, 51.00001],
  [1, 2.5, 3],
])('steps of %d make of %d the double that is written %d', (resolution, value, wanted) => {
  expect(stepsOf(resolution)(value)).toBe(wanted)
})

test('steps never say -0', () => {
  expect(Object.is(stepsOf(0.1)(-0.01), 0)).toBe(true)
})
