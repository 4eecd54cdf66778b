/**
 * NDJSON of the export to a Parquet file. The lines rest in a file beside it until all are there: only then is it known
 * which tags they have, and DuckDB can read them as a stream, so memory does not grow with them.
 *
 * Columns: time (TIMESTAMP_NS), measurement, field, one for each tag, and value (DOUBLE), value_text or value_flag, by the
 * kind of the value; the other two are null.
 */
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { limits } from '../telemetry/limits.ts'

const ownKeys = ['time', 'measurement', 'field', 'value']

/** @throws Error when a line is none of the export, or the file cannot be written */
export async function writeParquet(lines: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  const linesPath = `${path}.ndjson`
  try {
    const tags = await keepLines(lines, linesPath)
    await convert(linesPath, tags, path)
  } finally {
    await rm(linesPath, { force: true })
  }
}

/** Answers the names of all tags, sorted. */
async function keepLines(chunks: AsyncIterable<Uint8Array>, path: string): Promise<string[]> {
  const tags = new Set<string>()
  const note = (line: string) => {
    if (line === '') return
    for (const key of Object.keys(JSON.parse(line) as object)) if (!ownKeys.includes(key)) tags.add(key)
  }
  async function* noteTags() {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of chunks) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      lines.forEach(note)
      yield chunk
    }
    note(rest)
  }
  await pipeline(noteTags, createWriteStream(path))
  return [...tags].sort()
}

const text = (value: string) => `'${value.replaceAll("'", "''")}'`
const name = (value: string) => `"${value.replaceAll('"', '""')}"`

async function convert(linesPath: string, tags: string[], path: string): Promise<void> {
  const columns = [...ownKeys.slice(0, 3), ...tags].map((key) => `${text(key)}: 'VARCHAR'`)
  const source = `read_json(${text(linesPath)}, format = 'newline_delimited', columns = {${columns.join(', ')}, 'value': 'JSON'})`
  const kind = 'json_type(value)'
  const selected = [
    'time::TIMESTAMP_NS AS time',
    'measurement',
    'field',
    ...tags.map(name),
    `CASE WHEN ${kind} NOT IN ('VARCHAR', 'BOOLEAN') THEN value::DOUBLE END AS value`,
    `CASE WHEN ${kind} = 'VARCHAR' THEN value->>'$' END AS value_text`,
    `CASE WHEN ${kind} = 'BOOLEAN' THEN value::BOOLEAN END AS value_flag`,
  ]
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: limits.duckdbMemory,
    threads: '2',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  try {
    const connection = await instance.connect()
    try {
      await connection.run(
        `COPY (SELECT ${selected.join(', ')} FROM ${source}) TO ${text(path)} (FORMAT parquet, COMPRESSION zstd)`,
      )
    } finally {
      connection.closeSync()
    }
  } finally {
    instance.closeSync()
  }
}
