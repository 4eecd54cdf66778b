/**
 * Every message three times, late, in any order, of devices that restart and whose clocks leap, into an ingest that crashes
 * again and again: the store holds the truth exactly, and the counters balance. SEED=n repeats a run.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createRandom, type Random } from '../../devices-sim/random.ts'
import { startIngest } from '../../ingest/ingest.ts'
import { createCodec } from '../../telemetry/codec/codec.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Reading, Report } from '../../telemetry/reading.ts'
import { createRoute, fieldRuleDefaults, type Route, treeDefaults } from '../../telemetry/route.ts'
import { ledgerFields, ledgerMeasurement, metaFields, platformMeasurements } from '../../telemetry/schema.ts'
import { type MemoryStore, memoryJournal, memoryStore } from './journal.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const runs = 12
const beganMs = Date.UTC(2026, 4, 1)
/** Positions move so far that the window (16 to 32 MiB) and the saved state (each 16 MiB) come round often. */
const stride = 40_000
const windowRecords = limits.duplicateWindowBytes / stride

const routes: Route[] = [
  createRoute({ topic: 't/{site}/{device}/value', measurement: 'value' }),
  createRoute({ topic: 't/{site}/{device}/json', measurement: 'json', payload: { codec: 'json', ...treeDefaults } }),
  ...['unix', 'uptime', 'noclock'].map((kind) =>
    createRoute({
      topic: `t/{site}/{device}/${kind}`,
      measurement: kind,
      payload: { codec: 'packed' },
      fields: [{ ...fieldRuleDefaults, channel: '1', field: 'value', scale: 0.001 }],
    }),
  ),
]

type Sent = { atMs: number; topic: string; payload: Buffer; isKnownForLong: boolean }
/** Of each device and channel: the values it measured, with the time where its clock is good. */
type Truth = Map<string, Array<{ value: number; timeMs: number | null }>>

/** One device: reports as it would send them, each value once in its life. */
function simulate(kind: string, device: string, random: Random, truth: Truth): Sent[] {
  const sent: Sent[] = []
  const measured: Array<{ value: number; timeMs: number | null }> = []
  truth.set(`${kind} ${device}`, measured)
  const codec = createCodec(
    kind === 'value' || kind === 'json'
      ? (routes.find((it) => it.measurement === kind) as Route).payload
      : { codec: 'packed' },
  )
  let boot = 3
  let sequence = 0
  let startMs = beganMs
  let clockOffMs = 0
  let value = 1000
  for (let i = 0; i < 90; i++) {
    const atMs = beganMs + i * 60_000 + random.below(20_000)
    // Whoever tells no boot has a count that outlives it: an RTC and a count in flash.
    if (kind !== 'value' && random.fraction() < 0.04) {
      boot++
      sequence = 0
      startMs = atMs - 5_000
    }
    if (kind === 'json' && random.fraction() < 0.1)
      clockOffMs = random.fraction() < 0.5 ? -atMs + 60_000 : 90 * 86_400_000
    else if (random.fraction() < 0.3) clockOffMs = 0
    const size = kind === 'value' || kind === 'json' ? 1 : 1 + random.below(6)
    const readings = Array.from({ length: size }, (_, k): Reading => {
      const takenMs = atMs - (size - 1 - k) * 7_000
      value++
      measured.push({
        value: kind === 'value' || kind === 'json' ? value : value / 1000,
        timeMs:
          kind === 'unix' || kind === 'value' || (kind === 'json' && clockOffMs === 0)
            ? Math.floor(takenMs / 1000) * 1000
            : null,
      })
      const base = { channel: size === 1 && kind in { value: 1, json: 1 } ? '' : '1', value, unit: '' }
      const unixMs = Math.floor((takenMs + clockOffMs) / 1000) * 1000
      if (kind === 'uptime')
        return { ...base, timeBase: 'boot', timeMs: Math.floor((takenMs - startMs) / 1000) * 1000 + 60_000 }
      if (kind === 'noclock') return { ...base, timeBase: 'now', timeMs: Math.floor((takenMs - atMs) / 1000) * 1000 }
      return { ...base, timeBase: 'unix', timeMs: kind === 'json' ? unixMs : Math.floor(takenMs / 1000) * 1000 }
    })
    const report: Report = { readings, sequence: sequence++ }
    if (kind !== 'value') report.boot = boot
    if (kind === 'unix' || kind === 'uptime' || kind === 'noclock') report.sequenceBits = 16
    const payload = codec.encode([report])
    sent.push({ atMs, topic: `t/site/${device}/${kind}`, payload, isKnownForLong: kind !== 'value' })
  }
  return sent
}

function arrange(random: Random): { journal: ReturnType<typeof memoryJournal>; truth: Truth; copies: number } {
  const truth: Truth = new Map()
  const kinds = ['value', 'json', 'unix', 'uptime', 'noclock']
  const messages = kinds.flatMap((kind) =>
    ['d1', 'd2'].flatMap((device) => simulate(kind, `${device}-${kind}`, random, truth)),
  )
  // A minute brings about 30 records: copies of what is told apart by time and value stay well within the window.
  const nearMs = (windowRecords / 60) * 60_000
  const arrivals = messages.flatMap((message) =>
    [0, 1, 2].map((copy) => {
      const spreadMs = message.isKnownForLong && random.fraction() < 0.2 ? 3_600_000 : nearMs
      return { ...message, arrivesMs: message.atMs + (copy === 0 ? random.below(3_000) : random.below(spreadMs)) }
    }),
  )
  const journal = memoryJournal(stride)
  for (const { topic, payload, arrivesMs } of arrivals.toSorted((a, b) => a.arrivesMs - b.arrivesMs)) {
    journal.add({ topic, payload, client: topic, epoch: 1 + random.below(5) }, arrivesMs)
  }
  return { journal, truth, copies: arrivals.length }
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exactness-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function ingestUntil(journal: ReturnType<typeof memoryJournal>, store: MemoryStore, until: number) {
  const failures: Error[] = []
  const ingest = await startIngest({
    openSource: (position) => journal.source(position, until),
    releasedBefore: 0,
    journalFrom: 0,
    store,
    routes,
    configVersion: '00000000',
    folder,
    counters: createCounters(),
    log: pino({ level: 'silent' }),
    onReadings: () => {},
    onStored: () => {},
    onFailed: (error) => failures.push(error),
  })
  await ingest.close()
  expect(failures).toEqual([])
  return ingest
}

function compare(store: MemoryStore, truth: Truth): void {
  const found: Truth = new Map()
  for (const { series, timeNs, value } of store.points.values()) {
    if (platformMeasurements.includes(series.measurement) || metaFields.includes(series.field)) continue
    const { device } = Object.fromEntries(series.tags)
    const key = `${series.measurement} ${device}`
    const values = found.get(key) ?? []
    values.push({ value: value as number, timeMs: Number(timeNs / 1_000_000n) })
    found.set(key, values)
  }
  for (const [key, measured] of truth) {
    const stored = (found.get(key) ?? []).toSorted((a, b) => a.value - b.value)
    expect(
      stored.map((it) => it.value),
      key,
    ).toEqual(measured.map((it) => it.value))
    for (const [i, { timeMs }] of measured.entries()) {
      if (timeMs !== null) expect(stored[i]?.timeMs, `${key} ${i}`).toBe(timeMs)
    }
  }
}

function ledgerOf(store: MemoryStore): { [field: string]: number } {
  const sums = Object.fromEntries(ledgerFields.map((field) => [field, 0]))
  for (const { series, value } of store.points.values()) {
    if (series.measurement === ledgerMeasurement) sums[series.field] = (sums[series.field] ?? 0) + (value as number)
  }
  return sums
}

describe.each([
  ['keeps points and checkpoint together', true],
  ['has the points before the checkpoint', false],
])('a store that %s', (_name, isAtomic) => {
  test(`ingest stores every reading exactly once over crashes, duplicate storms, reordering, reboots and clock jumps`, async () => {
    console.log(`SEED=${seed}`)
    for (let run = 0; run < runs; run++) {
      const random = createRandom(seed + run)
      const { journal, truth, copies } = arrange(random)
      const store = memoryStore(isAtomic)
      let crashes = 0
      for (let until = 0; until < journal.records.length; ) {
        until = Math.min(journal.records.length, until + 1 + random.below(700))
        store.commitsLeft = random.below(3)
        if (until === journal.records.length) break
        await ingestUntil(journal, store, until)
        crashes++
      }
      store.commitsLeft = Number.POSITIVE_INFINITY
      // What is still in an open row of the ledger comes with the journal's clock.
      journal.add({ topic: 'nobody' }, beganMs + 90 * 60_000 + 3_600_000 + limits.ledgerEveryMs)
      const ingest = await ingestUntil(journal, store, journal.records.length)
      expect(crashes).toBeGreaterThan(1)
      compare(store, truth)
      const messages = copies / 3
      const { stored, duplicate, quarantined } = ingest.checkpoint()
      expect({ stored, duplicate, quarantined }).toEqual({ stored: messages, duplicate: 2 * messages, quarantined: 1 })
      const ledger = ledgerOf(store)
      expect(ledger).toMatchObject({ received: messages, expected: messages, missing: 0, duplicate: 2 * messages })
      await rm(join(folder, 'ingest-state.jsonl'), { force: true })
      await rm(join(folder, 'quarantine.jsonl'), { force: true })
    }
  })
})
