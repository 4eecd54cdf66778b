import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { UnavailableError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../telemetry/message.ts'
import type { Checkpoint, Point } from '../telemetry/point.ts'
import { toEntry, toReplay } from '../telemetry/quarantine.ts'
import type { DeviceReading, Value } from '../telemetry/reading.ts'
import { createRoute } from '../telemetry/route.ts'
import { type Ingest, type IngestOptions, startIngest } from './ingest.ts'
import { windowStart } from './window.ts'

const route = (channel: string) =>
  createRoute({ topic: `sensors/{site}/{device}/${channel}`, measurement: channel, unit: 'x' })

/** A store that keeps what it is given; `refuse` makes it unavailable or rejects points. */
function memoryStore() {
  const store = {
    points: new Map<string, Value>(),
    saved: null as Checkpoint | null,
    writes: 0,
    refuse: (_points: Point[]): Point[] => [],
    write: async (points: Point[]) => {
      store.writes++
      const rejected = store.refuse(points)
      for (const point of points) {
        if (!rejected.includes(point)) store.points.set(`${point.series.key} ${point.timeNs}`, point.value)
      }
      return rejected.map((point) => ({ point, reason: 'told to' }))
    },
    commit: async (checkpoint: Checkpoint) => {
      store.saved = checkpoint
    },
    checkpoint: async () => store.saved,
  }
  return store
}

/** A journal in memory: each record takes `stride` bytes of position. */
function memoryJournal(stride = 100) {
  const records: Record[] = []
  let ordinal = 0
  return {
    records,
    add(message: Partial<Message>) {
      const base = lifeCycle(MessageKind.publish, 'c1', 1, 'sensors/a/b/rainfall')
      const whole = { ...base, qos: 1 as const, packetId: records.length + 1, ...message }
      if (whole.kind === MessageKind.publish) ordinal++
      const receivedAtUs = 1_700_000_000_000_000 + records.length
      records.push({ ...whole, position: records.length * stride, ordinal, receivedAtUs })
    },
    source(position: number) {
      const rest = records.filter((record) => record.position >= position)
      return {
        read: async () => ({ records: rest.splice(0, 7), next: records.length * stride, damagedBytes: 0 }),
        close: async () => {},
      }
    },
  }
}

let folder: string
let store: ReturnType<typeof memoryStore>
let journal: ReturnType<typeof memoryJournal>
let seen: DeviceReading[]
let channels: string[]
let counters = createCounters()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingest-'))
  store = memoryStore()
  journal = memoryJournal()
  seen = []
  channels = ['rainfall', 'pulse']
  counters = createCounters()
})
afterEach(() => rm(folder, { recursive: true }))

const start = (failures: Error[] = [], releasedBefore = 0, more: Partial<IngestOptions> = {}): Promise<Ingest> =>
  startIngest({
    openSource: journal.source,
    releasedBefore,
    journalFrom: journal.records[0]?.position ?? 0,
    journalTo: journal.records.at(-1)?.position ?? 0,
    store,
    routes: channels.map(route),
    configVersion: '0badcafe',
    folder,
    counters,
    log: pino({ level: 'silent' }),
    onReadings: (readings) => seen.push(...readings),
    onStored: () => {},
    onFailed: (error) => failures.push(error),
    ...more,
  })
async function run(releasedBefore = 0): Promise<Checkpoint> {
  const failures: Error[] = []
  const ingest = await start(failures, releasedBefore)
  await ingest.close()
  expect(failures).toEqual([])
  return ingest.checkpoint()
}
const say = (payload: string, more: Partial<Message> = {}) => journal.add({ payload: Buffer.from(payload), ...more })
const values = () => [...store.points.values()]

test('ingest stores readings with the device time, else with the receive time', async () => {
  say('0.2')
  say('{"v":0.4,"t":1600000000000}')
  expect(await run()).toMatchObject({ stored: 2, quarantined: 0, position: 200, ordinal: 2 })
  const times = [...store.points.keys()].map((key) => key.split(' ')[1])
  // The digits below a millisecond are the ordinal.
  expect(times).toEqual(['1700000000000000001', '1600000000000000002'])
  // Pages are told the newest of what came at once.
  expect(seen).toMatchObject([{ site: 'a', device: 'b', channel: 'rainfall', unit: 'x', value: 0.2 }])
})

test('ingest keeps what it cannot route or read, with the reason, and goes on', async () => {
  say('1', { topic: 'nowhere' })
  say('abc')
  say('2', { topic: 'sensors//b/rainfall' })
  say('3')
  expect(await run()).toMatchObject({ stored: 1, quarantined: 3 })
  const lines = (await readFile(join(folder, 'quarantine.jsonl'), 'utf8')).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).code)).toEqual(['no_route', 'bad_value', 'bad_topic'])
  expect(JSON.parse(lines[1] as string)).toMatchObject({ id: '100', client: 'c1', payload: 'YWJj' })
})

test('ingest writes the same points when it is killed between write and commit', async () => {
  for (let i = 0; i < 50; i++) say(i % 2 ? `{"v":${i},"t":1600000000000}` : String(i))
  say('abc')
  store.commit = async () => {
    throw new UnavailableError('test', 'killed before the commit')
  }
  const ingest = await start()
  await new Promise((resolve) => setTimeout(resolve, 300))
  await ingest.close()
  const first = new Map(store.points)
  expect(first.size).toBe(50)
  const { commit } = memoryStore()
  store.commit = commit
  const end = await run()
  expect(store.points).toEqual(first)
  expect(end).toMatchObject({ stored: 50, quarantined: 1 })
  expect((await readFile(join(folder, 'quarantine.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(1)
})

test('ingest gives a device without a sequence the same times and keeps them apart when it resumes', async () => {
  for (let i = 0; i < 20; i++) say(`{"v":${i},"t":1600000000000}`)
  await run()
  const first = [...store.points]
  for (let i = 20; i < 40; i++) say(`{"v":${i},"t":1600000000000}`)
  await run()
  expect([...store.points].slice(0, 20)).toEqual(first)
  expect(store.points.size).toBe(40)
})

test('ingest gives up in order when it is closed while the store is away', async () => {
  for (let i = 0; i < 3 * limits.batchPointsMax; i++) say(String(i))
  store.refuse = () => {
    throw new UnavailableError('test', 'away')
  }
  const ingest = await start()
  while (counters.storeRetries === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  store.refuse = () => []
  const isFirst = store.writes
  await ingest.close()
  // Whatever was committed is a whole beginning: nothing behind a batch that was given up.
  expect(store.points.size).toBe(ingest.checkpoint().stored)
  expect(isFirst).toBeGreaterThan(0)
  await run()
  expect(store.points.size).toBe(3 * limits.batchPointsMax)
})

test('ingest closes when the store does not come back', async () => {
  for (let i = 0; i < 3 * limits.batchPointsMax; i++) say(String(i))
  store.refuse = () => {
    throw new UnavailableError('test', 'away')
  }
  const ingest = await start()
  while (counters.storeRetries === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await ingest.close()
  expect(ingest.checkpoint()).toMatchObject({ stored: 0, position: 0 })
})

test('ingest decides about duplicates as before when it resumes in the middle', async () => {
  say('{"v":1,"t":1600000000000}', { packetId: 1 })
  say('{"v":1,"t":1600000000000}', { packetId: 2 })
  say('{"v":2,"t":1600000000000,"seq":9}', { packetId: 3 })
  await run()
  say('{"v":1,"t":1600000000000}', { packetId: 2, dup: true })
  say('{"v":2,"t":1600000000000,"seq":9}', { packetId: 77 })
  say('{"v":1,"t":1600000000000}', { packetId: 4 })
  expect(await run()).toMatchObject({ stored: 4, duplicate: 2 })
  expect(values().toSorted()).toEqual([1, 1, 1, 2])
})

test.each([
  ['DUP is not set', {}, 0],
  ['DUP is set', { dup: true }, 1],
  ['DUP is set by another client', { dup: true, client: 'c2' }, 0],
  ['DUP is set with another packet identifier', { dup: true, packetId: 99 }, 0],
  ['DUP is set at QoS 0', { dup: true, qos: 0 as const }, 0],
])('ingest counts %s plain numbers as duplicates only when they must be', async (_name, more, duplicate) => {
  say('0.0', { packetId: 5 })
  say('0.0', { packetId: 5, ...more })
  expect(await run()).toMatchObject({ stored: 2 - duplicate, duplicate })
})

test.each(['0.0', '{"v":0,"seq":1}', '{"v":0,"t":1600000000}'])(
  'ingest keeps %s that is sent again with DUP when the client had left cleanly before',
  async (payload) => {
    say(payload, { packetId: 5 })
    journal.add(lifeCycle(MessageKind.disconnect, 'c1', 1, '', { reason: 'client' }))
    say(payload, { packetId: 5, dup: true, epoch: 2 })
    expect(await run()).toMatchObject({ stored: 2, duplicate: 0 })
  },
)

test('ingest gives every reading of one series and millisecond a time of its own', async () => {
  for (let i = 0; i < 20; i++) say(`{"v":${i},"t":1600000000000}`)
  for (let i = 0; i < 20; i++) say(`{"v":${i},"t":1600000000000,"seq":${1000 + i}}`)
  for (let i = 0; i < 20; i++) say(String(i))
  await run()
  expect(values()).toHaveLength(60)
})

test('ingest forgets what is further back than two windows, and a resume does not change that', async () => {
  journal = memoryJournal(limits.duplicateWindowBytes / 4)
  const copy = () => say('{"v":1,"t":1600000000000,"seq":1}')
  copy()
  for (let i = 0; i < 6; i++) say('5')
  copy()
  const inOneRun = await run()
  expect(inOneRun).toMatchObject({ duplicate: 1 })
  for (let i = 0; i < 9; i++) say('6')
  copy()
  expect(await run()).toMatchObject({ duplicate: 1, stored: 1 + 6 + 9 + 1 })
  expect(windowStart(9.5 * limits.duplicateWindowBytes)).toBe(8 * limits.duplicateWindowBytes)
})

test('ingest keeps the order of arrival in the times of readings without one', async () => {
  for (let i = 0; i < 3000; i++) say(String(i))
  await run()
  const times = [...store.points.keys()].map((key) => BigInt(key.split(' ')[1] as string))
  expect(times).toHaveLength(3000)
  for (let i = 1; i < times.length; i++) expect((times[i] as bigint) > (times[i - 1] as bigint)).toBe(true)
})

test('ingest splits a rejected point out and keeps it', async () => {
  for (const value of ['1', '2', '3']) say(value)
  store.refuse = (points) => points.filter((point) => point.value === 2)
  expect(await run()).toMatchObject({ stored: 2, quarantined: 1 })
  expect(values()).toEqual([1, 3])
  expect(counters.quarantined).toEqual({ store_rejected: 1 })
})

test('ingest tries again until the store answers, and stores everything once', async () => {
  for (let i = 0; i < 30; i++) say(String(i))
  let refusals = 3
  store.refuse = () => {
    if (refusals-- > 0) throw new UnavailableError('test', 'away')
    return []
  }
  const ingest = await start()
  while (ingest.checkpoint().stored < 30) await new Promise((resolve) => setTimeout(resolve, 10))
  await ingest.close()
  expect(values()).toHaveLength(30)
  expect(counters.storeRetries).toBe(3)
})

test('ingest counts readings that a damaged journal cannot give back', async () => {
  for (let i = 0; i < 10; i++) say(String(i))
  journal.records.splice(3, 2)
  expect(await run()).toMatchObject({ stored: 8, damaged: 2, ordinal: 10 })
})

test('ingest lets the journal go, and needs it no more after a restart, when records come too slowly to fill a batch', async () => {
  journal = memoryJournal(100_000)
  for (let i = 0; i < 600; i++) say(`{"v":${i},"t":${1_600_000_000_000 + i},"seq":${i}}`)
  const source = journal.source(0)
  let chunks = 0
  const slow = async () => {
    // The journal grows by 700 kB at a time, and batches are handed over by their age.
    if (chunks++ > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const { records } = await source.read()
    return { records, next: (records.at(-1)?.position ?? 0) + 100_000, damagedBytes: 0 }
  }
  let needed = 0
  const ingest = await start([], 0, {
    openSource: () => ({ read: slow, close: source.close }),
    onStored: () => {
      needed = ingest.neededFrom()
    },
  })
  await vi.waitFor(() => expect(ingest.checkpoint().stored).toBe(600), { timeout: 10_000 })
  expect(needed).toBeGreaterThan(0)
  await ingest.close()
  const again = await start()
  await again.close()
  expect(again.checkpoint().stored).toBe(600)
  expect(again.neededFrom()).toBe(windowStart(60_000_000))
})

test('ingest begins anew with what it knows of devices when the file of it is unreadable', async () => {
  say('{"v":1,"t":1600000000000,"seq":1}')
  await run()
  await writeFile(join(folder, 'ingest-state.jsonl'), '{"position":')
  say('{"v":2,"t":1600000060000,"seq":2}')
  expect(await run()).toMatchObject({ stored: 2 })
})

test('ingest with a new store takes readings that were released before it for stored', async () => {
  for (let i = 0; i < 10; i++) say(String(i))
  journal.records.splice(0, 4)
  journal.records.splice(1, 1)
  expect(await run(4)).toMatchObject({ stored: 9, damaged: 1 })
  expect(values()).toHaveLength(5)
})

test('ingest writes a change of state as a point', async () => {
  const change = {
    site: 'a',
    device: 'b',
    state: 'offline',
    why: '',
    sinceMs: 0,
    lastSeenMs: 0,
    atUs: 1_650_000_000_000_000,
  }
  journal.add(lifeCycle(MessageKind.state, '', 0, 'a/b', change))
  expect(await run()).toMatchObject({ stored: 0, ordinal: 0 })
  expect([...store.points]).toEqual([
    ['["device_state","online",[["device","b"],["site","a"]]] 1650000000000000000', 0],
    ['["device_state","state",[["device","b"],["site","a"]]] 1650000000000000000', 'offline'],
  ])
})

test('ingest hands over a batch when unreadable messages alone fill it', async () => {
  const big = 'x'.repeat(200_000)
  for (let i = 0; i < 30; i++) say(big)
  await run()
  expect(counters.quarantined).toEqual({ bad_payload: 30 })
  expect(counters.batchesStored).toBeGreaterThanOrEqual(5)
})

/** Into the journal comes a replay of its record at `index`, as the console would put it there. */
function replay(index: number): void {
  const record = journal.records[index] as Record
  const entry = toEntry(record, { code: 'no_route', reason: '', configVersion: '', decidedAt: record.position })
  journal.add(toReplay(entry))
}
const humidity = { topic: 'sensors/a/b/humidity' }

test('ingest stores a quarantined message at its own time, once, when it is replayed by mended routes', async () => {
  say('7', humidity)
  say('abc', humidity)
  await run()
  for (const index of [0, 1, 0, 0]) replay(index)
  expect(await run()).toMatchObject({ stored: 0, quarantined: 2 })
  channels.push('humidity')
  for (const index of [1, 0, 1, 0]) replay(index)
  expect(await run()).toMatchObject({ stored: 1, quarantined: 1, duplicate: 0 })
  for (const index of [0, 1]) replay(index)
  expect(await run()).toMatchObject({ stored: 1, quarantined: 1, duplicate: 0 })
  expect([...store.points].map(([key, value]) => [key.split(' ')[1], value])).toEqual([['1700000000000000001', 7]])
  const lines = (await readFile(join(folder, 'quarantine.jsonl'), 'utf8')).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).code).filter(Boolean)).toContain('bad_value')
})

test('ingest counts a replay once when it is killed before the commit and the routes change', async () => {
  say('7', humidity)
  await run()
  replay(0)
  channels.push('humidity')
  const { commit } = store
  store.commit = async () => {
    throw new UnavailableError('test', 'killed before the commit')
  }
  const killed = await start()
  while (counters.storeRetries === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await killed.close()
  store.commit = commit
  // The old routes are back, so it stays; then it goes.
  channels.pop()
  expect(await run()).toMatchObject({ stored: 0, quarantined: 1 })
  channels.push('humidity')
  replay(0)
  expect(await run()).toMatchObject({ stored: 1, quarantined: 0 })
})

test('ingest decides a replay like any record when its message has not reached the store, or never was quarantined', async () => {
  say('7', humidity)
  replay(0)
  expect(await run()).toMatchObject({ stored: 0, quarantined: 1 })
  say('8')
  replay(2)
  expect(await run()).toMatchObject({ stored: 1, quarantined: 1 })
})
