import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { outputOf } from '../test/output.ts'
import { run } from './export.ts'

let folder: string
let out: string
let server: Server | null = null
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dewpoint-export-'))
  out = join(folder, "it's.out")
})
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = null
  rmSync(folder, { recursive: true, force: true })
})

/** Answers what was asked of it. */
async function serve(answer: RequestListener): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const listening = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(request, response)
  })
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, asked }
}

const line = (more: object) =>
  JSON.stringify({ time: '2023-11-14T22:13:20.000000017Z', measurement: 'rainfall', field: 'value', ...more })

async function parquetRows(path: string, sql: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const source = `read_parquet('${path.replaceAll("'", "''")}')`
  const rows = await connection.runAndReadAll(sql.replace('$file', source))
  const values = rows.getRows()
  connection.closeSync()
  instance.closeSync()
  return values
}

test('export asks for what the options say and writes the file', async () => {
  const { url, asked } = await serve((_, response) => response.end('time,value\n1,2\n'))
  const filters = ['--from', '2023-11-14T22:00:00Z', '--to', '1700000000000', '--device', 'g 1', '--site', 'a&b']
  const argv = ['--format', 'csv', '--out', out, '--url', `${url}/`, ...filters, '--channel', 'rainfall']
  expect(await outputOf(run, ...argv)).toEqual({ status: 0, stdout: '', stderr: '' })
  expect(readFileSync(out, 'utf8')).toBe('time,value\n1,2\n')
  expect(readdirSync(folder)).toHaveLength(1)
  const { pathname, searchParams } = new URL(asked[0] ?? '', url)
  expect(pathname).toBe('/api/export')
  expect(Object.fromEntries(searchParams)).toEqual({
    ...{ format: 'csv', from: '2023-11-14T22:00:00Z', to: '1700000000000' },
    ...{ device: 'g 1', site: 'a&b', channel: 'rainfall' },
  })
})

test('export takes the address out of the configuration that is named', async () => {
  const { url, asked } = await serve((_, response) => response.end())
  const config = join(folder, 'telemetry.yaml')
  writeFileSync(config, `http: { listen: "${url.slice('http://'.length)}" }\n`)
  expect((await outputOf(run, '--format', 'lines', '--out', out, '--config', config)).status).toBe(0)
  expect(asked).toEqual(['/api/export?format=lines'])
  expect(readFileSync(out, 'utf8')).toBe('')
})

test('export writes to standard output when no file is named or -, and Parquet to neither', async () => {
  const { url } = await serve((_, response) => response.end('time,value\n1,2\n'))
  for (const where of [[], ['--out', '-']]) {
    const { status, stdout } = await outputOf(run, '--format', 'csv', '--url', url, ...where)
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'time,value\n1,2\n' })
    const parquet = await outputOf(run, '--format', 'parquet', '--url', url, ...where)
    expect(parquet).toMatchObject({ status: 2, stdout: '' })
    expect(parquet.stderr).toContain('a file wanted for parquet')
  }
  expect(readdirSync(folder)).toEqual([])
})

test('export leaves an earlier file as it was and ends with 1 when the stream breaks off', async () => {
  writeFileSync(out, 'earlier')
  const { url } = await serve((_, response) => {
    response.write('half\n', () => setTimeout(() => response.destroy(), 50))
  })
  for (const format of ['csv', 'parquet']) {
    const { status, stdout, stderr } = await outputOf(run, '--format', format, '--out', out, '--url', url)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^dewpoint: [^\n]+\n$/)
  }
  expect(readFileSync(out, 'utf8')).toBe('earlier')
  expect(readdirSync(folder)).toHaveLength(1)
})

test('export ends with 1 and names the reason when nobody answers', async () => {
  const { url } = await serve(() => {})
  await new Promise((resolve) => server?.close(resolve))
  const { status, stderr } = await outputOf(run, '--format', 'csv', '--out', out, '--url', url)
  expect(status).toBe(1)
  expect(stderr).toMatch(/^dewpoint: .*ECONNREFUSED/)
  expect(existsSync(out)).toBe(false)
})

test.each([
  [400, '{"message":"from: \\"soon\\" given"}', 2, 'from: "soon" given'],
  [503, '{"message":"the store does not answer"}', 1, 'the store does not answer'],
  [502, '<html>bad gateway</html>', 1, '<html>bad gateway</html>'],
])('export passes on what the server says when it answers %i', async (code, body, status, words) => {
  const { url } = await serve((_, response) => response.writeHead(code).end(body))
  const ended = await outputOf(run, '--format', 'csv', '--out', out, '--url', url)
  expect(ended.status).toBe(status)
  expect(ended.stderr).toContain(`${url} answered ${code}: ${words}`)
  expect(existsSync(out)).toBe(false)
})

test.each([
  [[]],
  [['--format', 'xml']],
  [['--format', 'parquet']],
  [['--format', 'csv', '--url', 'mqtt://127.0.0.1']],
  [['--format', 'csv', 'surplus']],
])('export ends with 2 in one line when the options are %j', async (argv) => {
  const { status, stdout, stderr } = await outputOf(run, ...argv)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(/^[^\n]+\n$/)
})

test('export writes Parquet with a column for each tag and each kind of value', async () => {
  const rows = [
    line({ site: 'home', device: 'g1', value: 0.2 }),
    line({ device: 'g2', value: 'é "so"', 'odd"tag': "it's" }),
    line({ device: 'g2', value: true }),
    line({ device: 'g2', value: 9007199254740991 }),
  ]
  const text = Buffer.from(`${rows.join('\n')}\n`)
  const { url, asked } = await serve((_, response) => {
    // Cut inside a character and inside a line.
    const cut = text.indexOf('é') + 1
    response.write(text.subarray(0, cut), () => setTimeout(() => response.end(text.subarray(cut)), 20))
  })
  const ended = await outputOf(run, '--format', 'parquet', '--out', out, '--url', url)
  expect(ended).toEqual({ status: 0, stdout: '', stderr: '' })
  expect(asked).toEqual(['/api/export?format=ndjson'])
  expect(readdirSync(folder)).toHaveLength(1)
  const columns = await parquetRows(out, 'SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM $file)')
  const tags = ['device', 'odd"tag', 'site'].map((tag) => [tag, 'VARCHAR'])
  expect(columns).toEqual([
    ...[['time', 'TIMESTAMP_NS'], ['measurement', 'VARCHAR'], ['field', 'VARCHAR'], ...tags],
    ...[
      ['value', 'DOUBLE'],
      ['value_text', 'VARCHAR'],
      ['value_flag', 'BOOLEAN'],
    ],
  ])
  expect(await parquetRows(out, 'SELECT epoch_ns(time), * EXCLUDE (time, measurement, field) FROM $file')).toEqual([
    [1700000000000000017n, 'g1', null, 'home', 0.2, null, null],
    [1700000000000000017n, 'g2', "it's", null, null, 'é "so"', null],
    [1700000000000000017n, 'g2', null, null, null, null, true],
    [1700000000000000017n, 'g2', null, null, 9007199254740991, null, null],
  ])
})

test('export writes a Parquet file without rows when nothing is stored', async () => {
  const { url } = await serve((_, response) => response.end())
  expect((await outputOf(run, '--format', 'parquet', '--out', out, '--url', url)).status).toBe(0)
  expect(await parquetRows(out, 'SELECT count(*) FROM $file')).toEqual([[0n]])
})

test('export keeps the order of many rows in Parquet', async () => {
  const count = 300_000
  const { url } = await serve(async (_, response) => {
    for (let i = 0; i < count; i += 1000) {
      const rows = Array.from({ length: 1000 }, (_, n) => `${line({ device: 'g1', value: i + n })}\n`)
      if (!response.write(rows.join(''))) await new Promise((resolve) => response.once('drain', resolve))
    }
    response.end()
  })
  expect((await outputOf(run, '--format', 'parquet', '--out', out, '--url', url)).status).toBe(0)
  const sql = 'SELECT count(*), count(*) FILTER (value = file_row_number) FROM $file'
  const rows = await parquetRows(
    out,
    sql.replace('$file', `read_parquet('${out.replaceAll("'", "''")}', file_row_number = true)`),
  )
  expect(rows).toEqual([[BigInt(count), BigInt(count)]])
})
