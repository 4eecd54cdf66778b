/**
 * Every message three times, late, in any order, of devices that restart and whose clocks leap, into an ingest that crashes
 * again and again: the store holds the truth exactly, and the counters balance. SEED=n repeats a run.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import { createRandom, type Random } from '../../devices-sim/random.ts'
import { startIngest } from '../../ingest/ingest.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { ledgerFields, ledgerMeasurement, valueField } from '../../telemetry/schema.ts'
import {
  createFleetDevice,
  type FleetDevice,
  fleetRoutes,
  kinds,
  rainMeasurement,
  type Sent,
  type StoredValue,
  valueProblems,
} from './fleet.ts'
import { type MemoryStore, memoryJournal, memoryStore } from './journal.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const runs = 12
const beganMs = Date.UTC(2026, 4, 1)
/** Positions move so far that the window (16 to 32 MiB) and the saved state (each 16 MiB) come round often. */
const stride = 40_000
const windowRecords = limits.duplicateWindowBytes / stride

const { routes } = loadConfig(fleetRoutes, 'fleet.ts', {})

/** A minute or so from report to report, so that the first copies of a device come in order. */
function simulate(device: FleetDevice, random: Random): Array<Sent & { atMs: number }> {
  return Array.from({ length: 90 }, (_, i) => {
    const atMs = beganMs + i * 60_000 + random.below(20_000)
    if (random.fraction() < 0.04) device.reboot(atMs - 5_000)
    return { ...device.report(atMs), atMs }
  })
}

function arrange(random: Random): {
  journal: ReturnType<typeof memoryJournal>
  devices: FleetDevice[]
  copies: number
} {
  const devices = kinds.flatMap((kind) =>
    ['d1', 'd2'].map((name) => createFleetDevice(kind, `${name}-${kind}`, random, beganMs)),
  )
  const messages = devices.flatMap((device) => simulate(device, random))
  // A minute brings about 42 records: copies of what is told apart by time and value stay well within the window.
  const nearMs = (windowRecords / 60) * 60_000
  const arrivals = messages.flatMap((message, nth) =>
    [0, 1, 2].map((copy) => {
      const spreadMs = message.isKnownForLong && random.fraction() < 0.2 ? 3_600_000 : nearMs
      const arrivesMs = message.atMs + (copy === 0 ? random.below(3_000) : random.below(spreadMs))
      return { ...message, arrivesMs, packet: message.isKnownByPacket ? { packetId: 60_000 + nth } : {} }
    }),
  )
  const journal = memoryJournal(stride)
  for (const { topic, payload, packet, arrivesMs } of arrivals.toSorted((a, b) => a.arrivesMs - b.arrivesMs)) {
    journal.add({ topic, payload, client: topic, epoch: 1 + random.below(5), ...packet }, arrivesMs)
  }
  return { journal, devices, copies: arrivals.length }
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
    journalTo: journal.end(),
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

function compare(store: MemoryStore, devices: FleetDevice[]): void {
  const found = new Map<string, StoredValue[]>()
  const rain = new Map<string, number>()
  for (const { series, timeNs, value } of store.points.values()) {
    const { device = '' } = Object.fromEntries(series.tags)
    if (series.field !== valueField) continue
    if (series.measurement === rainMeasurement) {
      rain.set(device, (rain.get(device) ?? 0) + Math.round((value as number) * 10))
      continue
    }
    const values = found.get(device) ?? []
    values.push({ value: value as number, timeMs: Number(timeNs / 1_000_000n) })
    found.set(device, values)
  }
  expect(devices.flatMap((device) => valueProblems(device, found.get(device.name) ?? [], () => null))).toEqual([])
  for (const device of devices) expect(rain.get(device.name) ?? 0, device.name).toBe(device.tenths())
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
      const { journal, devices, copies } = arrange(random)
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
      compare(store, devices)
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
