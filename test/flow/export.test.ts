/** `dewpoint export` against a running Dewpoint, with values of every type and every digit of their times. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDuckdb } from '../../stores/duckdb.ts'
import { createSeries, emptyCheckpoint, type FieldType } from '../../telemetry/point.ts'
import type { Value } from '../../telemetry/reading.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { repository, run } from './helpers.ts'

const folder = mkdtempSync(join(tmpdir(), 'dewpoint-export-'))
const t0 = 1_700_000_000_000_000_007n
const values: Array<[FieldType, Value]> = [
  ['boolean', true],
  ['float', -1.5e-7],
  ['integer', 2 ** 53],
  ['string', 'two\nlines, "quoted"'],
]
let server: DewpointServer

beforeAll(async () => {
  const data = join(folder, 'data')
  const store = await openDuckdb(join(data, 'readings.duckdb'))
  const tags: Array<[string, string]> = [
    ['site', 'a b'],
    ['device', 'd'],
    ['unit', 'x'],
  ]
  await store.write(
    values.map(([type, value], i) => ({
      series: createSeries(type, tags, 'value', type),
      timeNs: t0 + BigInt(i),
      value,
      position: 0,
    })),
  )
  await store.commit(emptyCheckpoint())
  await store.close()
  server = await startDewpoint({ data })
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function exported(format: string): Promise<string> {
  const out = join(folder, `out.${format}`)
  const program = join(repository, 'dist', 'cli.js')
  const argv = ['export', '--format', format, '--out', out, '--url', server.httpUrl, '--device', 'd']
  expect(await run(process.execPath, [program, ...argv])).toMatchObject({ status: 0, stderr: '' })
  return out
}

test('export writes a Parquet file that holds every value and every digit of its time', async () => {
  const out = await exported('parquet')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const rows = await connection.runAndReadAll(
    `SELECT epoch_ns(time), measurement, field, type, site, device, value, value_text, value_flag, tags->>'unit'
     FROM '${out}' ORDER BY time`,
  )
  expect(rows.getRows()).toEqual(
    values.map(([type, value], i) => [
      t0 + BigInt(i),
      type,
      'value',
      type,
      'a b',
      'd',
      typeof value === 'number' ? value : null,
      typeof value === 'string' ? value : null,
      typeof value === 'boolean' ? value : null,
      'x',
    ]),
  )
  connection.closeSync()
  instance.closeSync()
})

test('export writes line protocol that keeps the types', async () => {
  const written = ['true', '-1.5e-7', '9007199254740992i', '"two\nlines, \\"quoted\\""']
  const series = 'device=d,site=a\\ b,unit=x'
  expect(readFileSync(await exported('lines'), 'utf8')).toBe(
    values.map(([type], i) => `${type},${series} value=${written[i]} ${t0 + BigInt(i)}\n`).join(''),
  )
})
