import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readingsJson } from './readings.ts'

test('committed dashboard is what the code says', () => {
  const committed = readFileSync(new URL('json/readings.json', import.meta.url), 'utf8')
  expect(committed, 'run: npm run dashboards').toBe(readingsJson())
})
