/**
 * Messages kept for a person, with the reason. Lines of JSON in two files, the newer and the older half of what the size
 * limit allows: when the newer is full, the older is dropped and counted. An entry's id is its journal position, so a
 * replay keeps nothing twice.
 */
import { type FileHandle, open, readFile, rename, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { Counters } from '../telemetry/counters.ts'
import type { QuarantineCode } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import type { Quarantined } from './batch.ts'

/** `time`: when it was received, ISO 8601. `payload`: the raw bytes in base64. */
export type QuarantineEntry = {
  id: string
  topic: string
  client: string
  time: string
  code: QuarantineCode
  reason: string
  payload: string
}

export type Quarantine = {
  /** Resolves when the entries are on disk. */
  keep(quarantined: Quarantined[]): Promise<void>
  /** The newest first. */
  list(count: number): QuarantineEntry[]
  close(): Promise<void>
}

type Half = { entries: QuarantineEntry[]; bytes: number }

export async function openQuarantine(
  folder: string,
  counters: Counters,
  bytesMax: number = limits.quarantineBytesMax,
): Promise<Quarantine> {
  const path = join(folder, 'quarantine.jsonl')
  const olderPath = join(folder, 'quarantine.older.jsonl')
  let older = await load(olderPath)
  let newer = await load(path)
  let file: FileHandle = await open(path, 'a')
  const known = new Set([...older.entries, ...newer.entries].map((entry) => entry.id))

  async function turnOver(): Promise<void> {
    await rename(path, olderPath)
    const next = await open(path, 'a')
    counters.quarantineDropped += older.entries.length
    for (const { id } of older.entries) known.delete(id)
    older = newer
    newer = { entries: [], bytes: 0 }
    await file.close()
    file = next
  }

  return {
    async keep(quarantined) {
      const entries = quarantined.map(toEntry).filter(({ id }) => !known.has(id))
      if (entries.length === 0) return
      if (newer.bytes >= bytesMax / 2) await turnOver()
      const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
      try {
        await file.appendFile(text)
        await file.datasync()
      } catch (error) {
        // Half a line must not stay in front of the next try.
        await file.truncate(newer.bytes)
        throw error
      }
      newer.entries.push(...entries)
      newer.bytes += Buffer.byteLength(text)
      for (const { id } of entries) known.add(id)
    },
    list: (count) => [...newer.entries.toReversed(), ...older.entries.toReversed()].slice(0, count),
    close: () => file.close(),
  }
}

function toEntry({ record, code, reason }: Quarantined): QuarantineEntry {
  return {
    id: String(record.position),
    topic: record.topic,
    client: record.client,
    time: new Date(record.receivedAtUs / 1000).toISOString(),
    code,
    reason,
    payload: record.payload.toString('base64'),
  }
}

/** A line that a crash tore is cut off: the journal will bring it again. */
async function load(path: string): Promise<Half> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const bytes = Buffer.byteLength(whole)
  if (whole.length < text.length) await truncate(path, bytes)
  return { entries: whole.split('\n').flatMap(parse), bytes }
}

/** A line that a damaged disk spoilt must not keep the others from being shown. */
function parse(line: string): QuarantineEntry[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as QuarantineEntry]
  } catch {
    return []
  }
}
