import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { byteCases, deviationMax, lifeCases, otherCases, packetCases } from './energy-cases.ts'
import { energyTable } from './energy-table.ts'

test('docs/energy.md is what the model gives: npm run energy writes it', () => {
  expect(readFileSync(join(import.meta.dirname, '../docs/energy.md'), 'utf8')).toBe(energyTable())
})

test.each([...lifeCases(), ...byteCases(), ...packetCases()])('$title is within 15 % of the published figure', (it) => {
  expect(Math.abs(it.ours / it.published - 1)).toBeLessThan(deviationMax)
})

test.each(otherCases())('$title says why it is off', ({ note, ours, published }) => {
  expect(note).not.toBe('')
  // Good coverage cannot cost more than deep coverage.
  expect(ours).toBeGreaterThan(published)
})
