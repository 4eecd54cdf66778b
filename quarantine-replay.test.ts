import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Journal, openJournal } from './journal/journal.ts'
import { openReader } from './journal/reader.ts'
import { replayInto } from './quarantine-replay.ts'
import { limits } from './telemetry/limits.ts'
import { lifeCycle, MessageKind, type Record } from './telemetry/message.ts'
import { fromReplay, type QuarantineEntry, toEntry } from './telemetry/quarantine.ts'

let folder: string
let journal: Journal
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replay-'))
})
afterEach(() => rm(folder, { recursive: true }))

const original = (position: number, payload: Buffer): Record => ({
  ...lifeCycle(MessageKind.publish, 'c', 3, 't'),
  payload,
  position,
  ordinal: position + 1,
  receivedAtUs: 1.7e15 + position,
})
const entryOf = (record: Record): QuarantineEntry =>
  toEntry(record, { code: 'bad_value', reason: 'r', configVersion: '0badcafe', decidedAt: record.position })
const open = async (bytesMax: number) => {
  journal = await openJournal({ folder, log: pino({ level: 'silent' }), bytesMax, diskReserveBytes: 0 })
}

async function recordsOf(): Promise<Record[]> {
  const reader = openReader(folder, journal, 0)
  const records: Record[] = []
  await journal.close()
  for (;;) {
    const chunk = await reader.read()
    if (chunk.records.length === 0) break
    records.push(...chunk.records.map((it) => ({ ...it, payload: Buffer.from(it.payload) })))
  }
  await reader.close()
  return records
}

test('replay brings every record back through the journal, in order, without counting it as a new reading', async () => {
  await open(limits.journalBytesMax)
  const longest = original(1, Buffer.alloc(limits.packetBytesMax, 7))
  const wanted = [longest, ...Array.from({ length: 600 }, (_, i) => original(i + 2, Buffer.from(`x${i}`)))]
  expect(await replayInto(journal, wanted.map(entryOf))).toBe(wanted.length)
  expect(journal.ordinal()).toBe(0)
  expect((await recordsOf()).map((it) => fromReplay(it).record)).toEqual(wanted)
})

test('replay stops when the journal has no room, and says how far it came', async () => {
  await open(3_000_000)
  const entries = Array.from({ length: 20 }, (_, i) => entryOf(original(i, Buffer.alloc(limits.packetBytesMax))))
  const done = await replayInto(journal, entries)
  expect(done).toBeGreaterThan(0)
  expect(done).toBeLessThan(entries.length)
  expect(await replayInto(journal, entries)).toBe(0)
  expect((await recordsOf()).map((it) => fromReplay(it).id)).toEqual(entries.slice(0, done).map((it) => it.id))
})
