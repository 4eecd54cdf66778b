/** What ingest knows over a restart, and what a replay or a device that starts anew must not spoil. */
import { mkdir, mkdtemp, readFile, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createRandom, type Random } from '../../devices-sim/random.ts'
import { type IngestOptions, startIngest } from '../../ingest/ingest.ts'
import { createState } from '../../ingest/state.ts'
import { encodeNbirth, encodeSparkplugData, type SparkplugMetric } from '../../telemetry/codec/sparkplug-encode.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../../telemetry/message.ts'
import type { Point, Rejection } from '../../telemetry/point.ts'
import { toEntry, toReplay } from '../../telemetry/quarantine.ts'
import type { DeviceReading } from '../../telemetry/reading.ts'
import { createRoute, fieldRuleDefaults, type Route, treeDefaults } from '../../telemetry/route.ts'
import { ledgerFields, ledgerMeasurement } from '../../telemetry/schema.ts'
import { type MemoryStore, memoryJournal, memoryStore } from './journal.ts'

const beganMs = Date.UTC(2026, 4, 1)
const MiB = 1024 * 1024

let folder: string
let counters = createCounters()
let routes: Route[]
let told: DeviceReading[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restart-'))
  counters = createCounters()
  told = []
  routes = [
    createRoute({ topic: 't/{site}/{device}/json', measurement: 'm', payload: { codec: 'json', ...treeDefaults } }),
  ]
})
afterEach(() => rm(folder, { recursive: true }))

type Journal = ReturnType<typeof memoryJournal>

async function open(journal: Journal, store: MemoryStore, more: Partial<IngestOptions> = {}) {
  const failures: Error[] = []
  const ingest = await startIngest({
    openSource: (position) => journal.source(position),
    releasedBefore: 0,
    journalFrom: journal.records[0]?.position ?? 0,
    journalTo: journal.end(),
    store,
    routes,
    configVersion: '00000000',
    folder,
    counters,
    log: pino({ level: 'silent' }),
    onReadings: (readings) => told.push(...readings),
    onStored: () => {},
    onFailed: (error) => failures.push(error),
    ...more,
  })
  return { ingest, failures }
}

async function run(journal: Journal, store: MemoryStore, more: Partial<IngestOptions> = {}) {
  const { ingest, failures } = await open(journal, store, more)
  await ingest.close()
  expect(failures).toEqual([])
  return ingest
}

const say = (journal: Journal, payload: object | string, atMs: number, more: Partial<Message> = {}) =>
  journal.add(
    {
      topic: 't/a/b/json',
      payload: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
      ...more,
    },
    atMs,
  )
const of = (store: MemoryStore, measurement: string, field = 'value') =>
  [...store.points.values()].filter((it) => it.series.measurement === measurement && it.series.field === field)
const sum = (store: MemoryStore, field: string) =>
  of(store, ledgerMeasurement, field).reduce((total, { value }) => total + (value as number), 0)
function replay(journal: Journal, record: Record, atMs: number): void {
  const entry = toEntry(record, { code: 'no_route', reason: '', configVersion: '', decidedAt: record.position })
  journal.add(toReplay(entry), atMs)
}

test('ingest stores what the journal holds in a store that was emptied, or took the place of another', async () => {
  const journal = memoryJournal(MiB)
  for (let i = 0; i < 40; i++) say(journal, { v: i, t: beganMs + i * 1000, seq: i, boot: 1 }, beganMs + i * 1000)
  await run(journal, memoryStore(true))
  const store = memoryStore(true)
  const ingest = await run(journal, store)
  expect(ingest.checkpoint()).toMatchObject({ stored: 40, duplicate: 0, damaged: 0, ordinal: 40 })
  expect(of(store, 'm')).toHaveLength(40)
})

test('ingest writes rows of the ledger once when it saves what it knows, and crashes, between two batches of them', async () => {
  const devices = 12
  const journal = memoryJournal(limits.stateEveryBytes / devices)
  // Each device speaks of so many hours that its rows alone fill a batch.
  for (let device = 0; device < devices; device++) {
    const each = Array.from({ length: 500 }, (_, i) => ({ v: i, t: beganMs - i * 3_600_000, seq: i * 2, boot: 1 }))
    say(journal, each, beganMs + device, { topic: `t/a/d${device}/json` })
  }
  say(journal, { v: 1, t: beganMs + 900_000, seq: 1, boot: 2 }, beganMs + 900_000)
  const truth = memoryStore(true)
  for (let i = 0; i < 3; i++) say(journal, { v: 1, seq: 2 + i, boot: 2 }, beganMs + 900_000 * (2 + i))
  await run(journal, truth)
  for (let commits = 1; commits < 80; commits++) {
    await rm(folder, { recursive: true })
    await mkdir(folder)
    const store = memoryStore(true)
    store.commitsLeft = commits
    const { ingest } = await open(journal, store)
    await ingest.close()
    if (store.commitsLeft > 0) break
    store.commitsLeft = Number.POSITIVE_INFINITY
    await run(journal, store)
    for (const field of ['received', 'expected', 'missing']) {
      expect(sum(store, field), `${field} after ${commits}`).toBe(sum(truth, field))
    }
  }
})

test('ingest tells pages and counts nothing of what it only decides again', async () => {
  routes[0] = createRoute({
    ...(routes[0] as Route),
    fields: [{ ...fieldRuleDefaults, channel: '', field: 'value', counter: { bits: 16, per: 1, maxPerHour: 1e6 } }],
  })
  const journal = memoryJournal(1000)
  for (let i = 0; i < 20; i++) say(journal, { v: i, t: i + 1, seq: i, boot: 1 }, beganMs + i * 1000)
  const store = memoryStore(true)
  await run(journal, store)
  const { counterEvents, timesMended } = structuredClone(counters)
  expect(counterEvents).toEqual({ first: 1, counted: 19 })
  await rm(join(folder, 'ingest-state.jsonl'))
  told = []
  await run(journal, store)
  expect({ counterEvents: counters.counterEvents, timesMended: counters.timesMended }).toEqual({
    counterEvents,
    timesMended,
  })
  expect(told).toEqual([])
})

const twoFields = (range: [number, number]) =>
  createRoute({
    topic: 't/{site}/{device}/json',
    measurement: 'm',
    payload: { codec: 'json', ...treeDefaults, values: ['a', 'b'] },
    fields: [{ ...fieldRuleDefaults, channel: 'b', field: 'b', range }],
  })

test('ingest stores the good half of a message once however often its replay fails', async () => {
  routes = [twoFields([0, 1])]
  const journal = memoryJournal(100)
  const record = say(journal, { a: 1, b: 7 }, beganMs)
  for (let i = 0; i < 3; i++) replay(journal, record, beganMs + 1000 + i)
  const store = memoryStore(true)
  await run(journal, store)
  expect(of(store, 'm', 'a')).toHaveLength(1)
})

const rain = (maxPerHour: number) =>
  createRoute({
    topic: 't/{site}/{device}/json',
    measurement: 'm',
    payload: { codec: 'json', ...treeDefaults, values: ['rain', 'b'] },
    fields: [
      { ...fieldRuleDefaults, channel: 'rain', field: 'rain', counter: { bits: 16, per: 0.2, maxPerHour } },
      { ...fieldRuleDefaults, channel: 'b', field: 'b', range: [0, 1] },
    ],
  })

test('ingest keeps the amount of a counter when the message that brought it is replayed', async () => {
  routes = [rain(400)]
  const journal = memoryJournal(100)
  const t = Math.floor(beganMs / 1000)
  say(journal, { rain: 10, b: 0, t, seq: 1, boot: 1 }, beganMs)
  const record = say(journal, { rain: 15, b: 9, t: t + 600, seq: 2, boot: 1 }, beganMs + 600_000)
  replay(journal, record, beganMs + 601_000)
  const store = memoryStore(true)
  await run(journal, store)
  expect(of(store, 'm', 'rain').map(({ value }) => value)).toEqual([1])
})

test('ingest does not take a number of a counter for confirmed because its own message is replayed', async () => {
  routes = [rain(10)]
  const journal = memoryJournal(100)
  const t = Math.floor(beganMs / 1000)
  say(journal, { rain: 10, t, seq: 1, boot: 1 }, beganMs)
  const record = say(journal, { rain: 60_000, t: t + 600, seq: 2, boot: 1 }, beganMs + 600_000)
  replay(journal, record, beganMs + 601_000)
  say(journal, { rain: 11, t: t + 1200, seq: 3, boot: 1 }, beganMs + 1_200_000)
  const store = memoryStore(true)
  const ingest = await run(journal, store)
  expect(of(store, 'm', 'rain').map(({ value }) => value)).toEqual([0.2])
  expect(ingest.checkpoint()).toMatchObject({ stored: 2, quarantined: 1 })
})

test('ingest stores a message once when two copies of it in the quarantine are replayed', async () => {
  const [mended] = routes as [Route]
  routes = []
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  const copies = [0, 1].map(() => say(journal, { v: 3, seq: 1, boot: 1 }, beganMs))
  await run(journal, store)
  routes = [mended]
  for (const copy of copies) replay(journal, copy, beganMs + 1000)
  const ingest = await run(journal, store)
  expect(of(store, 'm')).toHaveLength(1)
  expect(ingest.checkpoint()).toMatchObject({ stored: 1, duplicate: 1, quarantined: 0 })
  journal.add({ topic: 'nobody' }, beganMs + 2 * limits.ledgerEveryMs)
  await run(journal, store)
  expect({ received: sum(store, 'received'), duplicate: sum(store, 'duplicate') }).toEqual({
    received: 1,
    duplicate: 1,
  })
})

const atS = (n: number) => beganMs + n * 1000
describe.each([
  ['boot and sequence', (n: number) => ({ v: n, seq: n, boot: 1 })],
  ['time and sequence', (n: number) => ({ v: n, seq: n, t: atS(n) })],
  ['a time alone', (n: number) => ({ v: n, t: atS(n) })],
])('a message with %s', (_name, said) => {
  test.each(['killed', 'stopped'])(
    'ingest stores it by new routes when it was %s while it was quarantined',
    async (end) => {
      const [mended] = routes as [Route]
      const journal = memoryJournal(100)
      const store = memoryStore(true)
      say(journal, said(1), atS(1))
      await run(journal, store)
      routes = []
      const message = say(journal, said(2), atS(2))
      await run(journal, store)
      if (end === 'killed') await rm(join(folder, 'ingest-state.jsonl'))
      routes = [mended]
      await run(journal, store)
      replay(journal, message, atS(3))
      const ingest = await run(journal, store)
      expect(ingest.checkpoint()).toMatchObject({ stored: 2, duplicate: 0, quarantined: 0 })
      expect(of(store, 'm').map(({ value }) => value)).toEqual([1, 2])
    },
  )
})

test('ingest keeps every reading of a message that has thousands without a time', async () => {
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  say(journal, { v: Array.from({ length: 5000 }, (_, i) => i) }, beganMs)
  await run(journal, store)
  expect(of(store, 'm')).toHaveLength(5000)
})

test('ingest decides a message of many leaping sequence numbers in little time', async () => {
  const journal = memoryJournal(100)
  const each = Array.from({ length: 4000 }, (_, i) => ({ v: i, t: beganMs + i, seq: i * 90_000, boot: 1 }))
  say(journal, { v: 1, t: beganMs - 31 * 86_400_000, seq: 0, boot: 1 }, beganMs)
  say(journal, each, beganMs + 1)
  const startedAt = performance.now()
  await run(journal, memoryStore(true))
  expect(performance.now() - startedAt).toBeLessThan(3000)
})

const uptimeRoute = (more: Partial<typeof treeDefaults> = {}) =>
  createRoute({
    topic: 't/{site}/{device}/json',
    measurement: 'm',
    payload: { codec: 'json', ...treeDefaults, timeBase: 'boot', ...more },
  })

test('ingest gives a device without a boot count the times of its new start when it restarts', async () => {
  routes = [uptimeRoute()]
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  for (let i = 1; i <= 10; i++) say(journal, { v: i, t: i * 3600 }, beganMs + i * 3_600_000)
  for (let i = 1; i <= 3; i++) say(journal, { v: 100 + i, t: i * 60 }, beganMs + 11 * 3_600_000 + i * 60_000)
  await run(journal, store)
  for (const { value, timeNs } of of(store, 'm')) {
    const i = value as number
    const trueMs = i > 100 ? beganMs + 11 * 3_600_000 + (i - 100) * 60_000 : beganMs + i * 3_600_000
    expect(Math.abs(Number(timeNs / 1_000_000n) - trueMs), `${i}`).toBeLessThan(2000)
  }
})

test.each([{ t: 2, seq: 0 }, { t: 2 }])(
  'ingest keeps a report of each wake when all of them say %j',
  async (report) => {
    routes = [uptimeRoute()]
    const journal = memoryJournal(100)
    const store = memoryStore(true)
    for (let i = 0; i < 5; i++) {
      say(journal, { v: 0, ...report }, beganMs + i * 600_000, { packetId: 1, epoch: 2 + i })
      journal.add(lifeCycle(MessageKind.disconnect, 'c1', 2 + i, '', { reason: 'client' }), beganMs + i * 600_000 + 1)
    }
    const ingest = await run(journal, store)
    expect(ingest.checkpoint()).toMatchObject({ stored: 5, duplicate: 0 })
    expect(of(store, 'm').map(({ timeNs }) => Number(timeNs / 1_000_000n))).toEqual(
      [0, 1, 2, 3, 4].map((i) => beganMs + i * 600_000),
    )
  },
)

test('ingest writes no row of the ledger outside of what stores can hold', async () => {
  routes = [uptimeRoute()]
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  say(journal, { v: 1, t: 9.1e9, sent: 1, seq: 1, boot: 1 }, beganMs)
  say(journal, { v: 1, t: 9.1e9, seq: 1, boot: 2 }, beganMs)
  say(journal, { v: 1, t: 0, seq: 2, boot: 2 }, beganMs)
  journal.add({ topic: 'nobody' }, beganMs + 2 * limits.ledgerEveryMs)
  await run(journal, store)
  expect(sum(store, 'received')).toBe(3)
  for (const { timeNs } of of(store, ledgerMeasurement, 'received')) {
    expect(timeNs).toBeGreaterThan(0n)
    expect(timeNs).toBeLessThan(2n ** 63n)
  }
})

test('ingest tries again to save what it knows when nothing more comes', async () => {
  const journal = memoryJournal(4 * MiB)
  for (let i = 0; i < 10; i++) say(journal, { v: i, seq: i }, beganMs + i)
  const store = memoryStore(true)
  // In the way of the file, as a full disk would be.
  const inTheWay = join(folder, 'ingest-state.jsonl.new')
  await mkdir(inTheWay)
  const onStored = vi.fn()
  let close: () => void = () => {}
  const source = journal.source(0)
  const read = async () => {
    const chunk = await source.read()
    if (chunk.records.length === 0) await new Promise<void>((resolve) => (close = resolve))
    return chunk
  }
  const { ingest } = await open(journal, store, { openSource: () => ({ ...source, read }), onStored })
  await vi.waitFor(() => expect(counters.stateSaveFailures).toBeGreaterThan(0))
  expect(ingest.neededFrom()).toBe(0)
  await rmdir(inTheWay)
  onStored.mockClear()
  await vi.waitFor(() => expect(ingest.neededFrom()).toBeGreaterThan(0), { timeout: 5000 })
  expect(onStored).toHaveBeenCalled()
  close()
  await ingest.close()
})

test.each([
  ['its uptime alone, sent together', { t: 60 }, 'boot'],
  ['a clock that begins anew on the same day', { t: Date.UTC(2026, 0, 1) }, 'unix'],
] as const)('ingest keeps the first report of each boot when a device tells %s', async (_name, time, timeBase) => {
  routes = [
    createRoute({
      topic: 't/{site}/{device}/json',
      measurement: 'm',
      payload: { codec: 'json', ...treeDefaults, timeBase },
    }),
  ]
  const journal = memoryJournal(100)
  for (let boot = 1; boot <= 20; boot++) say(journal, { v: boot, ...time, seq: 0, boot }, beganMs)
  const store = memoryStore(true)
  const ingest = await run(journal, store)
  expect(ingest.checkpoint()).toMatchObject({ stored: 20, duplicate: 0 })
  expect(of(store, 'm')).toHaveLength(20)
})

test('ingest keeps a reading of a device whose sequence has few bits after a restart', async () => {
  routes = [
    createRoute({
      topic: 't/{site}/{device}/json',
      measurement: 'm',
      payload: {
        codec: 'struct',
        head: [
          { name: 'seq', type: 'u8', bits: null, big: false },
          { name: 'v', type: 'u8', bits: null, big: false },
        ],
        repeat: [],
        step: 0,
      },
    }),
  ]
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  const report = (i: number) =>
    journal.add(
      { topic: 't/a/b/json', payload: Buffer.from([i % 256, 0]), packetId: 1, epoch: 1 + i },
      beganMs + i * 1000,
    )
  for (let i = 0; i < 300; i++) report(i)
  await run(journal, store)
  for (let i = 300; i < 420; i++) report(i)
  expect((await run(journal, store)).checkpoint()).toMatchObject({ stored: 420, duplicate: 0 })
})

test('ingest lets no batch overtake one that failed for good', async () => {
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  for (let i = 0; i < 3 * limits.batchPointsMax; i++) say(journal, { v: i }, beganMs + i)
  const { write } = store
  let writes = 0
  store.write = async (points) => {
    if (writes++ === 0) (await import('node:assert')).fail('a bug')
    return write(points)
  }
  const { ingest, failures } = await open(journal, store)
  await ingest.close().catch(() => {})
  expect(failures).not.toEqual([])
  expect(store.saved).toBeNull()
})

test('ingest keeps rows of the ledger apart when what it knew is lost', async () => {
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  const late = (value: number, atMs: number) => say(journal, { v: value, t: beganMs, seq: value, boot: 1 }, atMs)
  late(1, beganMs)
  late(2, beganMs + limits.ledgerEveryMs)
  await run(journal, store)
  await rm(join(folder, 'ingest-state.jsonl'))
  const rest = memoryJournal(100)
  rest.records.push(...journal.records.splice(0))
  for (let i = 0; i < 3; i++)
    say(rest, { v: 3 + i, t: beganMs, seq: 3 + i, boot: 1 }, beganMs + (2 + i) * limits.ledgerEveryMs)
  for (const [i, record] of rest.records.entries()) rest.records[i] = { ...record, position: i * 100, ordinal: i + 1 }
  rest.records.splice(0, 2)
  rest.add({ topic: 'nobody' }, beganMs + 9 * limits.ledgerEveryMs)
  const last = rest.records.at(-1) as Record
  rest.records[rest.records.length - 1] = { ...last, position: 500, ordinal: 6 }
  await run(rest, store, { openSource: (position) => ({ ...rest.source(position) }) })
  // The second report stood in an open row, which went with what was known.
  expect(sum(store, 'received')).toBe(4)
})

const sparkplug = () =>
  createRoute({
    topic: 'spBv1.0/{site}/+/{device}/#',
    measurement: 'm',
    payload: { codec: 'sparkplug-b' },
    sequencePer: 'device',
  })
const edge = (type: string, node = 'edge') => ({
  topic: `spBv1.0/g/${type}/${node}${type.startsWith('D') ? '/d' : ''}`,
})
const rainMetric = (value: number) => [{ name: 'Rain', datatype: 'Double' as const, value }]
function sparkplugSession(journal: Journal, arrivesMs = (i: number) => beganMs + i * 1000): void {
  const data = (i: number, metrics: SparkplugMetric[]) =>
    encodeSparkplugData({ timestampMs: beganMs + i * 1000, seq: i, metrics })
  const birth = encodeNbirth({ timestampMs: beganMs, bdSeq: 1, metrics: [] })
  const all: Array<[type: string, payload: Buffer]> = [
    ['NBIRTH', birth],
    ['DBIRTH', data(1, rainMetric(1))],
    ['DDATA', data(2, rainMetric(2))],
    ['DDEATH', data(3, [])],
    ['NDATA', data(4, [{ name: 'Rain', datatype: 'Double', value: null }])],
    ['NDATA', data(5, rainMetric(5))],
  ]
  for (const [i, [type, payload]] of all.entries()) journal.add({ ...edge(type), payload }, arrivesMs(i))
}

test('ingest misses no report of an edge node when some of them hold no readings', async () => {
  routes = [sparkplug()]
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  sparkplugSession(journal)
  journal.add({ topic: 'nobody' }, beganMs + 2 * limits.ledgerEveryMs)
  const ingest = await run(journal, store)
  expect(ingest.checkpoint()).toMatchObject({ stored: 6, duplicate: 0, quarantined: 1 })
  expect(Object.fromEntries(ledgerFields.map((field) => [field, sum(store, field)]))).toEqual({
    expected: 6,
    received: 6,
    late: 0,
    duplicate: 0,
    missing: 0,
  })
  expect(of(store, 'm', 'Rain')).toHaveLength(3)
})

test('ingest believes the clock of an edge node when its messages waited for hours on their way', async () => {
  routes = [sparkplug()]
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  sparkplugSession(journal, (i) => beganMs + 3 * 3_600_000 + i)
  await run(journal, store)
  expect(of(store, 'm', 'Rain').map(({ timeNs }) => Number(timeNs / 1_000_000n))).toEqual(
    [1, 2, 5].map((i) => beganMs + i * 1000),
  )
})

test('ingest knows the births of so many edge nodes, and counts those beyond', async () => {
  const state = createState(null, counters)
  for (let i = 0; i < limits.codecMemoryKeysMax + 3; i++) state.memory.set(`edge ${i}`, i)
  state.memory.set('edge 0', 'again')
  expect(counters.codecMemoryRefused).toBe(3)
  expect(state.memory.get('edge 0')).toBe('again')
  expect(state.save().memory).toHaveLength(limits.codecMemoryKeysMax)
})

test('ingest looks at a long payload once however many reports it holds', async () => {
  routes = [
    createRoute({
      topic: 't/{site}/{device}/json',
      measurement: 'm',
      payload: { codec: 'csv', separator: ',', columns: ['seq', 'v'], headerLines: 0 },
    }),
  ]
  const journal = memoryJournal(100)
  for (let i = 0; i < 4; i++) say(journal, `${' '.repeat(200_000)},${i}\n${',1\n'.repeat(9_000)}`, beganMs + i)
  const before = process.memoryUsage().heapUsed
  const startedAt = performance.now()
  const ingest = await run(journal, memoryStore(true))
  expect(ingest.checkpoint()).toMatchObject({ stored: 4 })
  expect(performance.now() - startedAt).toBeLessThan(5000)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(500 * MiB)
})

test("ingest counts the platform's own points that the store refuses", async () => {
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  say(journal, { v: 1 }, beganMs)
  say(journal, { v: 2 }, beganMs + 2 * limits.ledgerEveryMs)
  const { write } = store
  const write2 = async (points: Point[]): Promise<Rejection[]> => {
    const own = points.filter(({ series }) => series.measurement === ledgerMeasurement)
    await write(points.filter((point) => !own.includes(point)))
    return own.map((point) => ({ point, reason: 'told to' }))
  }
  const ingest = await run(journal, store, { store: { ...store, write: write2 } })
  expect(ingest.checkpoint()).toMatchObject({ stored: 2 })
  expect(counters.platformPointsRejected).toBe(2)
})

test('ingest does not let one uptime that cannot be spoil the times and the counter of its boot', async () => {
  routes = [
    {
      ...uptimeRoute(),
      fields: [{ ...fieldRuleDefaults, channel: '', field: 'value', counter: { bits: 16, per: 1, maxPerHour: 1e6 } }],
    },
  ]
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  const uptimes = [60, 2 ** 32, 180, 240]
  for (const [i, t] of uptimes.entries()) say(journal, { v: i, t, seq: i, boot: 1 }, beganMs + (i + 1) * 60_000)
  await run(journal, store)
  expect(of(store, 'm').map(({ value, timeNs }) => [value, Number(timeNs / 1_000_000n) - beganMs])).toEqual(
    [2, 3, 4].map((minute) => [1, minute * 60_000]),
  )
})

test('ingest bounds what it keeps of a device that speaks of every hour, or uses every topic', async () => {
  routes = [{ ...(routes[0] as Route), topic: 't/{site}/{device}/#' }]
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  const each = Array.from({ length: 5000 }, (_, i) => ({ v: i, t: beganMs - i * 3_600_000, seq: i, boot: 1 }))
  say(journal, each, beganMs)
  for (let i = 0; i < limits.streamsPerDeviceMax + 5; i++) {
    say(journal, { v: 1, seq: 1 }, beganMs + 1 + i, { topic: `t/a/b/${i}` })
  }
  const { ingest } = await open(journal, store)
  await ingest.close()
  expect((await ingest.openRows('b', 'a')).rows).toHaveLength(limits.ledgerHoursMax)
  expect(counters.streamsNotRemembered).toBe(6)
  journal.add({ topic: 'nobody' }, beganMs + 2 * limits.ledgerEveryMs)
  await run(journal, store)
  const readings = 5000 + limits.streamsPerDeviceMax + 5
  expect([sum(store, 'expected'), sum(store, 'received'), sum(store, 'missing')]).toEqual([readings, readings, 0])
})

test('ingest shows rows of the ledger until the store has them, and says when nobody can tell', async () => {
  const journal = memoryJournal(MiB)
  const store = memoryStore(true)
  say(journal, { v: 1, seq: 1, boot: 1 }, beganMs)
  say(journal, { v: 2, seq: 3, boot: 1 }, beganMs + limits.ledgerEveryMs)
  let write = () => {}
  const mayWrite = new Promise<void>((resolve) => {
    write = resolve
  })
  const slow = {
    ...store,
    write: async (points: Point[]) => {
      await mayWrite
      return store.write(points)
    },
  }
  const { ingest, failures } = await open(journal, store, { store: slow })
  const received = async () => {
    const { rows, version } = await ingest.openRows('b', 'a')
    return { open: rows.reduce((total, { counts }) => total + counts[1], 0), stored: sum(store, 'received'), version }
  }
  await vi.waitFor(async () => expect(await received()).toEqual({ open: 2, stored: 0, version: null }))
  write()
  await vi.waitFor(async () => expect(await received()).toEqual({ open: 1, stored: 1, version: 1 }))
  await ingest.close()
  expect(failures).toEqual([])
})

test('ingest knows after a restart what a replay left behind that failed again', async () => {
  const [mended] = [twoFields([0, 1])]
  routes = []
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  const first = say(journal, { a: 1, b: 9, seq: 1, boot: 1 }, beganMs)
  await run(journal, store)
  routes = [mended]
  replay(journal, first, beganMs + 1)
  await run(journal, store)
  await rm(join(folder, 'ingest-state.jsonl'))
  say(journal, { a: 1, b: 9, seq: 1, boot: 1 }, beganMs + 2)
  expect((await run(journal, store)).checkpoint()).toMatchObject({ stored: 0, quarantined: 1, duplicate: 1 })
})

test('ingest does not go by what was known in another life of its folder', async () => {
  const before = memoryJournal(MiB)
  for (let i = 0; i < 3; i++) say(before, { v: i, seq: i, boot: 1 }, beganMs + i)
  await run(before, memoryStore(true))
  const journal = memoryJournal(MiB)
  const store = memoryStore(true)
  say(journal, { v: 7, seq: 100, boot: 9 }, beganMs)
  store.commitsLeft = 0
  await run(journal, store)
  store.commitsLeft = Number.POSITIVE_INFINITY
  for (let i = 0; i < 5; i++) say(journal, { v: i, seq: i, boot: 1 }, beganMs + 1000 + i)
  // The batch is committed, and the process ends before anything is saved.
  const inTheWay = join(folder, 'ingest-state.jsonl.new')
  await mkdir(inTheWay)
  await run(journal, store)
  await rmdir(inTheWay)
  say(journal, { v: 2, seq: 2, boot: 2 }, beganMs + 2000)
  const ingest = await run(journal, store)
  expect(ingest.checkpoint()).toMatchObject({ stored: 7, duplicate: 0 })
})

test('ingest knows copies from before the gaps that it remembers, as far as the window reaches', async () => {
  const journal = memoryJournal(100)
  const store = memoryStore(true)
  const reports = limits.sequenceGapsRemembered + 6
  for (let i = 0; i < reports; i++) say(journal, { v: i, seq: 2 * i, boot: 1 }, beganMs + i)
  for (const i of [0, 1, 2, 5, 50]) say(journal, { v: i, seq: 2 * i, boot: 1 }, beganMs + 1000 + i)
  journal.add({ topic: 'nobody' }, beganMs + 2 * limits.ledgerEveryMs)
  expect((await run(journal, store)).checkpoint()).toMatchObject({ stored: reports, duplicate: 5 })
  expect([sum(store, 'received'), sum(store, 'missing')]).toEqual([reports, reports - 1])
})

/** Devices of every kind, copies, late and broken messages, in a journal that reaches over several windows. */
function mixedJournal(random: Random): Journal {
  const journal = memoryJournal(60_000)
  const late: Array<() => void> = []
  const [boots, sequences, counts] = [
    [1, 1, 1],
    [0, 0, 0],
    [0, 0, 0],
  ]
  for (let i = 0; i < 1500; i++) {
    const atMs = beganMs + i * 20_000
    const n = random.below(3)
    if (random.fraction() < 0.02) {
      boots[n] = (boots[n] as number) + 1
      sequences[n] = 0
    }
    sequences[n] = (sequences[n] as number) + (random.fraction() < 0.05 ? 1 + random.below(40) : 1)
    counts[n] = ((counts[n] as number) + random.below(4)) % 256
    const [seq, v] = [sequences[n] as number, counts[n] as number]
    const t = Math.floor(atMs / 1000)
    const client = `c${n}`
    const more = { client, epoch: 1 + Math.floor(i / 50), packetId: 1 + random.below(3) }
    const topic = (kind: string) => `t/a/d${n}/${kind}`
    const messages: Array<[topic: string, payload: Buffer | object | string]> = [
      [topic('json'), { v, t: random.fraction() < 0.1 ? t - 60_000 : t, seq, boot: boots[n] }],
      [
        topic('json'),
        [
          { v, seq },
          { v: v + 1, seq: seq + 1 },
        ],
      ],
      [topic('counter'), { v, t, seq, boot: boots[n] }],
      [topic('uptime'), { v: random.below(2), t: seq * 20, seq }],
      [topic('short'), Buffer.from([seq % 256, random.below(2)])],
      [topic('value'), String(random.below(2))],
      [topic('json'), 'broken'],
      [topic('nowhere'), '1'],
    ]
    const [to, payload] = messages[random.below(messages.length)] as (typeof messages)[number]
    const bytes = Buffer.isBuffer(payload)
      ? payload
      : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
    const send = (dup: boolean) => () => journal.add({ topic: to, payload: bytes, ...more, dup }, atMs)
    if (random.fraction() < 0.9) send(false)()
    else late.push(send(false))
    while (random.fraction() < 0.2) late.push(send(random.fraction() < 0.5))
    if (late.length > 0 && random.fraction() < 0.3) (late.splice(random.below(late.length), 1)[0] as () => void)()
    if (random.fraction() < 0.02) {
      const message = lifeCycle(MessageKind.disconnect, client, more.epoch, '', { reason: 'client' })
      journal.add(message, atMs)
    }
  }
  return journal
}

test('ingest knows the same, and has stored the same, however often it crashed', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  const kind = (name: string, more: Partial<Route>) =>
    createRoute({ topic: `t/{site}/{device}/${name}`, measurement: name, ...more })
  routes = [
    kind('json', { payload: { codec: 'json', ...treeDefaults } }),
    kind('counter', {
      payload: { codec: 'json', ...treeDefaults },
      fields: [{ ...fieldRuleDefaults, channel: '', field: 'value', counter: { bits: 8, per: 0.2, maxPerHour: 400 } }],
    }),
    kind('uptime', { payload: { codec: 'json', ...treeDefaults, timeBase: 'boot' } }),
    kind('short', {
      payload: {
        codec: 'struct',
        head: [
          { name: 'seq', type: 'u8', bits: null, big: false },
          { name: 'v', type: 'u8', bits: null, big: false },
        ],
        repeat: [],
        step: 0,
      },
    }),
    kind('value', {}),
  ]
  const known = () => readFile(join(folder, 'ingest-state.jsonl'), 'utf8')
  for (let round = 0; round < 6; round++) {
    const random = createRandom(seed + round)
    const journal = mixedJournal(random)
    const truth = memoryStore(true)
    const { ordinal: _, ...counted } = (await run(journal, truth)).checkpoint()
    const knownTruth = await known()
    await rm(folder, { recursive: true })
    await mkdir(folder)
    const store = memoryStore(round % 2 === 0)
    for (let until = 0; until < journal.records.length; ) {
      until = Math.min(journal.records.length - 1, until + 1 + random.below(500))
      store.commitsLeft = random.below(4)
      await run(journal, store, { openSource: (position) => journal.source(position, until) })
      if (until === journal.records.length - 1) break
    }
    store.commitsLeft = Number.POSITIVE_INFINITY
    expect((await run(journal, store)).checkpoint(), `seed ${seed + round}`).toMatchObject(counted)
    expect((await known()).split('\n'), `seed ${seed + round}`).toEqual(knownTruth.split('\n'))
    expect(new Map([...store.points].sort()), `seed ${seed + round}`).toEqual(new Map([...truth.points].sort()))
    await rm(folder, { recursive: true })
    await mkdir(folder)
  }
})
