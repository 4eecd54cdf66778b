/** Routes and messages through the real configuration and the real ingest, with a journal and a store in memory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { loadConfig } from '../../config/load.ts'
import { startIngest } from '../../ingest/ingest.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { toLine } from '../../telemetry/line-protocol.ts'
import type { Checkpoint, Point } from '../../telemetry/point.ts'
import { platformMeasurements } from '../../telemetry/schema.ts'
import { type GoldenMessage, toRecord } from './golden.ts'

/** `message` counts from 0. */
export type GoldenResult = {
  lines: Array<{ message: number; line: string }>
  quarantined: Array<{ message: number; code: string; reason: string }>
}

/** @throws StartError when the routes do not hold, Error when ingest fails */
export async function runGolden(routes: string, messages: GoldenMessage[]): Promise<GoldenResult> {
  const config = loadConfig(routes, 'golden', {})
  const folder = await mkdtemp(join(tmpdir(), 'golden-'))
  const records = messages.map(toRecord)
  const end = toRecord({} as GoldenMessage, messages.length).position
  const points: Point[] = []
  let saved: Checkpoint | null = null
  const failures: Error[] = []
  try {
    const ingest = await startIngest({
      openSource: () => ({
        read: async () => ({ records: records.splice(0), next: end, damagedBytes: 0 }),
        close: async () => {},
      }),
      releasedBefore: 0,
      journalFrom: 0,
      journalTo: end,
      store: {
        write: async (batch) => {
          points.push(...batch)
          return []
        },
        commit: async (checkpoint) => {
          saved = checkpoint
        },
        checkpoint: async () => saved,
      },
      routes: config.routes,
      configVersion: '00000000',
      folder,
      counters: createCounters(),
      log: pino({ level: 'silent' }),
      onReadings: () => {},
      onStored: () => {},
      onFailed: (error) => failures.push(error),
    })
    await ingest.close()
    if (failures.length > 0) throw failures[0]
    const kept = ingest.quarantine.list(messages.length).toReversed()
    const messageOf = (position: number) => messages.findIndex((_, i) => toRecord(_, i).position === position)
    return {
      lines: points
        .filter(({ series }) => !platformMeasurements.includes(series.measurement))
        .map((point) => ({ message: messageOf(point.position), line: toLine(point) })),
      quarantined: kept.map(({ id, code, reason }) => ({ message: messageOf(Number(id)), code, reason })),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}
