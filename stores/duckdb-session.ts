/**
 * An open DuckDB file. After an error of a write nobody knows what the database still can do (a full disk may invalidate
 * it for good), so the file is then closed and opened anew, and with it everything that is remembered of it.
 */
import { type DuckDBConnection, DuckDBInstance, type DuckDBResultReader } from '@duckdb/node-api'
import { UnavailableError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type Catalog, openCatalog } from './duckdb-catalog.ts'
import { createTables, decoded, type Stored, tables } from './duckdb-tables.ts'

export type Session = {
  writer: DuckDBConnection
  /**
   * The answer of a query, one query at a time: each holds one of the few threads that the journal's syncs run on as well.
   * @throws UnavailableError when too many wait already
   */
  read(sql: string): Promise<DuckDBResultReader>
  catalog: Catalog
  /** Waits for queries that are under way: closing under them would end the process. */
  close(): Promise<void>
}

export async function openSession(path: string): Promise<Session> {
  const instance = await DuckDBInstance.create(path, { memory_limit: limits.duckdbMemory, threads: '2' })
  try {
    const writer = await instance.connect()
    const reader = await instance.connect()
    for (const statement of createTables) await writer.run(statement)
    const catalog = await openCatalog(writer)
    await readLatest(writer, catalog)
    let lastRead: Promise<unknown> = Promise.resolve()
    let waiting = 0
    return {
      writer,
      catalog,
      async read(sql) {
        if (waiting >= limits.storeQueriesWaitingMax)
          throw new UnavailableError('busy', `${waiting} queries wait already`)
        waiting++
        const query = lastRead.then(() => reader.runAndReadAll(sql)).finally(() => waiting--)
        lastRead = query.catch(() => {})
        return query
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

async function readLatest(connection: DuckDBConnection, catalog: Catalog): Promise<void> {
  for (const table of tables) {
    const rows = await connection.runAndReadAll(
      `SELECT p.series, p.time, arg_max(p.value, p.rowid) FROM ${table} p
       JOIN (SELECT series, max(time) AS time FROM ${table} GROUP BY series) m ON p.series = m.series AND p.time = m.time
       GROUP BY p.series, p.time`,
    )
    for (const [id, timeNs, stored] of rows.getRows()) {
      const known = catalog.get(id as number)
      known.latest = { timeNs: timeNs as bigint, value: decoded(known.series.type, stored as Stored) }
    }
  }
}
