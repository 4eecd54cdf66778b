/**
 * One measurement of ingest, in a process of its own: `ingest-process.js TASK`, the task as JSON; the answer is a line of
 * JSON. The code that is measured is that of `dist`, ours or the first form's: what both know of options is given.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pino from 'pino'
import { cpuSeconds } from '../devices-sim/load/processes.ts'
import type { JournalTail } from '../journal/reader.ts'
import { emptyCheckpoint, type Point } from '../telemetry/point.ts'
import type { Route } from '../telemetry/route.ts'
import type { Filled } from './ingest-forms.ts'
import { peakMiB, resetPeak } from './process-cpu.ts'
import { influxSetUp } from './servers.ts'

export type IngestTask = {
  dist: string
  warmUp: Filled
  journal: Filled
  /** `payload` as the first form names it: the codec alone. */
  route: Omit<Route, 'payload'> & { payload: Route['payload'] | string }
  /** Empty; a DuckDB file comes to stand there. */
  folder: string
  store: { type: 'none' } | { type: 'duckdb' } | { type: 'influxdb'; url: string; pid: number }
}

/** CPU: seconds, user and system, of all threads; `storeCpuS`: of a store in a process of its own. */
export type IngestFigures = { cpuS: number; wallS: number; storeCpuS: number | null; peakMiB: number }

const task = JSON.parse(process.argv[2] as string) as IngestTask
const load = (path: string) => import(pathToFileURL(join(task.dist, path)).href)
const { openReader } = (await load('journal/reader.js')) as typeof import('../journal/reader.ts')
const { startIngest } = (await load('ingest/ingest.js')) as typeof import('../ingest/ingest.ts')
const { openDuckdb } = (await load('stores/duckdb.js')) as typeof import('../stores/duckdb.ts')
const { openInfluxdb } = (await load('stores/influxdb.js')) as typeof import('../stores/influxdb.ts')
const { createCounters } = (await load('telemetry/counters.js')) as typeof import('../telemetry/counters.ts')
const log = pino({ level: 'error' }, process.stderr)

async function openStore(folder: string) {
  if (task.store.type === 'duckdb') return openDuckdb(join(folder, 'readings.duckdb'))
  if (task.store.type === 'none') {
    let saved = emptyCheckpoint()
    return {
      write: async (_points: Point[]) => [],
      async commit(checkpoint: typeof saved) {
        saved = checkpoint
      },
      checkpoint: async () => saved,
      close: async () => {},
    }
  }
  const channels = ['voltage']
  const checkpointPath = join(folder, 'checkpoint.json')
  const names = { measurements: () => channels, channels }
  return openInfluxdb({ ...influxSetUp, ...names, url: task.store.url, checkpointPath, log })
}

/** From the first read of the journal until everything in it is stored. */
async function ingest({ folder: from, end, messages, readings }: Filled, name: string): Promise<IngestFigures> {
  const folder = join(task.folder, name)
  mkdirSync(folder, { recursive: true })
  const store = await openStore(folder)
  const counters = createCounters()
  // As of a writer that has closed: the reader ends where the journal does.
  const tail: JournalTail = { durable: () => end, isExact: true, grown: () => Promise.resolve() }
  const storePid = task.store.type === 'influxdb' ? task.store.pid : null
  const storeCpuBefore = storePid === null ? 0 : cpuSeconds(storePid)
  global.gc?.()
  resetPeak(process.pid)
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const running = await startIngest({
    openSource: (position) => openReader(from, tail, position),
    releasedBefore: 0,
    journalFrom: 0,
    journalTo: 0,
    store,
    routes: [task.route as Route],
    configVersion: '00000000',
    folder,
    counters,
    log,
    onReadings() {},
    onStored() {},
    onFailed(error) {
      throw error
    },
  })
  await running.close()
  const wallS = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const peak = peakMiB(process.pid)
  const storeCpuS = storePid === null ? null : cpuSeconds(storePid) - storeCpuBefore
  const { stored } = running.checkpoint()
  if (stored !== messages) throw new Error(`${messages} messages in the journal, ${stored} stored`)
  if (counters.pointsStored < readings) throw new Error(`${readings} readings, ${counters.pointsStored} points`)
  await store.close()
  return { cpuS: (user + system) / 1e6, wallS, storeCpuS, peakMiB: peak }
}

await ingest(task.warmUp, 'warm-up')
console.log(JSON.stringify(await ingest(task.journal, 'measured')))
