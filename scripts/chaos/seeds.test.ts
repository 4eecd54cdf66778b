import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keepSeed, loadSeeds, readSeeds } from './seeds.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dewpoint-seeds-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('seeds are read with their stores and fleets when comments and empty lines stand between', () => {
  expect(readSeeds('# for people\n\n12 duckdb storm # why\n 4294967295  influxdb mixed\n')).toEqual([
    { seed: 12, store: 'duckdb', fleet: 'storm' },
    { seed: 4294967295, store: 'influxdb', fleet: 'mixed' },
  ])
})

test('seeds name the line when it is none', () => {
  expect(() => readSeeds('1 duckdb storm\n2 sqlite\n')).toThrow('line 2 of the kept seeds: "2 sqlite"')
})

test('a seed is kept once when it fails twice, and for each store by itself', () => {
  const path = join(folder, 'seeds.txt')
  writeFileSync(path, '# kept\n')
  keepSeed({ seed: 7, store: 'duckdb', fleet: 'storm' }, 'first line\nsecond line', path)
  keepSeed({ seed: 7, store: 'duckdb', fleet: 'storm' }, 'again', path)
  keepSeed({ seed: 7, store: 'influxdb', fleet: 'mixed' }, 'another # store', path)
  expect(loadSeeds(path)).toEqual([
    { seed: 7, store: 'duckdb', fleet: 'storm' },
    { seed: 7, store: 'influxdb', fleet: 'mixed' },
  ])
})

test('every kept seed of the project can be read', () => {
  expect(loadSeeds()).toEqual(expect.any(Array))
})
