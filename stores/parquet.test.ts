import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSeries, type FieldType } from '../telemetry/point.ts'
import type { StoredPoint } from '../telemetry/query.ts'
import type { Value } from '../telemetry/reading.ts'
import { writeParquet } from './parquet.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parquet-'))
})
afterAll(() => rm(folder, { recursive: true }))

const t0 = 1_700_000_000_000_000_001n
const point = (type: FieldType, value: Value, timeNs = t0): StoredPoint => ({
  series: createSeries(
    'soil',
    [
      ['site', 'a'],
      ['device', 'd'],
      ['unit', 'x'],
    ],
    'value',
    type,
  ),
  timeNs,
  value,
})

async function* pieces(...all: StoredPoint[][]) {
  yield* all
}

async function rowsOf(path: string, columns: string) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const rows = (await connection.runAndReadAll(`SELECT ${columns} FROM '${path.replaceAll("'", "''")}'`)).getRows()
  connection.closeSync()
  instance.closeSync()
  return rows
}

test('parquet holds every value in the column of its type, and its exact time', async () => {
  const path = join(folder, "it's.parquet")
  await writeFile(path, 'an older file')
  const all = [point('float', 0.5), point('boolean', false), point('integer', 2 ** 53), point('string', 'wet', t0 + 1n)]
  expect(await writeParquet(pieces(all.slice(0, 1), [], all.slice(1)), path)).toBe(4)
  expect(await rowsOf(path, 'epoch_ns(time), type, value, flag, text')).toEqual([
    [t0, 'float', 0.5, null, null],
    [t0, 'boolean', null, false, null],
    [t0, 'integer', 2 ** 53, null, null],
    [t0 + 1n, 'string', null, null, 'wet'],
  ])
  expect(await rowsOf(path, 'DISTINCT measurement, field, site, device, tags')).toEqual([
    ['soil', 'value', 'a', 'd', '{"unit":"x"}'],
  ])
  expect(await readdir(folder)).toEqual(["it's.parquet"])
})

test('parquet holds a series in order of time when it is longer than a chunk', async () => {
  const path = join(folder, 'long.parquet')
  const many = Array.from({ length: 10_000 }, (_, i) => point('float', i, t0 + BigInt(i)))
  expect(await writeParquet(pieces(many.slice(0, 5000), many.slice(5000)), path)).toBe(10_000)
  expect((await rowsOf(path, 'value')).map(([value]) => value)).toEqual(many.map((it) => it.value))
})

test('parquet leaves nothing behind, and an older file as it was, when the points break off', async () => {
  const path = join(folder, 'broken.parquet')
  await writeFile(path, 'an older file')
  const broken = (async function* () {
    yield [point('float', 1)]
    throw new Error('the store went away')
  })()
  await expect(writeParquet(broken, path)).rejects.toThrow('the store went away')
  expect((await readdir(folder)).filter((name) => name.startsWith('broken'))).toEqual(['broken.parquet'])
})

test('parquet is a file without rows when there are no points', async () => {
  const path = join(folder, 'empty.parquet')
  expect(await writeParquet(pieces(), path)).toBe(0)
  expect(await rowsOf(path, 'time, tags')).toEqual([])
})
