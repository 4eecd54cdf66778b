/**
 * An open DuckDB file. After an error of a write nobody knows what the database still can do (a full disk may invalidate
 * it for good), so the file is then closed and opened anew, and with it everything that is remembered of it.
 */
import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api'
import { UnavailableError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type Catalog, openCatalog } from './duckdb-catalog.ts'

export type Session = {
  writer: DuckDBConnection
  /**
   * Rows of a query, one query at a time: each holds one of the few threads that the journal's syncs run on as well.
   * @throws UnavailableError when too many wait already
   */
  read(sql: string): Promise<DuckDBValue[][]>
  catalog: Catalog
  /** The newest point of each series by its number. */
  latest: Map<number, { timeNs: bigint; value: number }>
  /** Waits for queries that are under way: closing under them would end the process. */
  close(): Promise<void>
}

const tables = [
  'CREATE TABLE IF NOT EXISTS series (id UINTEGER, measurement VARCHAR, field VARCHAR, tags VARCHAR)',
  'CREATE TABLE IF NOT EXISTS points (series UINTEGER, time BIGINT, value DOUBLE)',
  'CREATE TABLE IF NOT EXISTS checkpoint (json VARCHAR)',
]

export async function openSession(path: string): Promise<Session> {
  const instance = await DuckDBInstance.create(path, { memory_limit: limits.duckdbMemory, threads: '2' })
  try {
    const writer = await instance.connect()
    const reader = await instance.connect()
    for (const table of tables) await writer.run(table)
    const catalog = await openCatalog(writer)
    const latest = await readLatest(writer)
    let lastRead: Promise<unknown> = Promise.resolve()
    let waiting = 0
    return {
      writer,
      catalog,
      latest,
      async read(sql) {
        if (waiting >= limits.storeQueriesWaitingMax)
          throw new UnavailableError('busy', `${waiting} queries wait already`)
        waiting++
        const query = lastRead.then(() => reader.runAndReadAll(sql)).finally(() => waiting--)
        lastRead = query.catch(() => {})
        return (await query).getRows()
      },
      async close() {
        await lastRead
        reader.closeSync()
        writer.closeSync()
        instance.closeSync()
      },
    }
  } catch (error) {
    instance.closeSync()
    throw error
  }
}

async function readLatest(connection: DuckDBConnection): Promise<Session['latest']> {
  const rows = await connection.runAndReadAll(
    `SELECT p.series, p.time, arg_max(p.value, p.rowid) FROM points p
     JOIN (SELECT series, max(time) AS time FROM points GROUP BY series) m ON p.series = m.series AND p.time = m.time
     GROUP BY p.series, p.time`,
  )
  return new Map(
    rows.getRows().map(([id, timeNs, value]) => [id as number, { timeNs: timeNs as bigint, value: value as number }]),
  )
}
