import { expect, test } from 'vitest'
import { createRandom, memberSeed } from './random.ts'

const draws = (seed: number) => {
  const random = createRandom(seed)
  return Array.from({ length: 1000 }, () => random.fraction())
}

test('random repeats itself when the seed is the same, and differs when it is not', () => {
  expect(draws(7)).toEqual(draws(7))
  expect(draws(7)).not.toEqual(draws(8))
})

test('random stays within its range and is spread over it', () => {
  const numbers = draws(1)
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...numbers)).toBeLessThan(1)
  expect(numbers.reduce((sum, number) => sum + number) / numbers.length).toBeCloseTo(0.5, 1)
})

test('random has mean 0 and deviation 1 when normal', () => {
  const random = createRandom(3)
  const numbers = Array.from({ length: 20_000 }, () => random.normal())
  expect(numbers.reduce((sum, number) => sum + number) / numbers.length).toBeCloseTo(0, 1)
  expect(numbers.reduce((sum, number) => sum + number ** 2) / numbers.length).toBeCloseTo(1, 1)
})

test('memberSeed gives every member another seed', () => {
  expect(new Set(Array.from({ length: 1000 }, (_, index) => memberSeed(7, index))).size).toBe(1000)
})
