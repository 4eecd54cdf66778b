import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AbandonedError } from '../telemetry/errors.ts'
import { type Message, MessageKind, type PublishPacket, type Record } from '../telemetry/message.ts'
import { type Journal, type JournalOptions, openJournal } from './journal.ts'
import { createSharedChunks, folderTail, openReader } from './reader.ts'
import { headerBytes } from './segment.ts'

const log = pino({ level: 'silent' })
let folder: string
let journal: Journal | null

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'))
  journal = null
})
afterEach(async () => {
  await journal?.close()
  await rm(folder, { recursive: true })
})

async function open(options: Partial<JournalOptions> = {}): Promise<Journal> {
  journal = await openJournal({ folder, log, ...options })
  return journal
}

const message = (text: string, more: Partial<Message> = {}): Message => ({
  kind: MessageKind.publish,
  qos: 1,
  dup: false,
  retain: false,
  packetId: 7,
  epoch: 3,
  client: 'client-1',
  topic: 'sensors/a/b/rainfall',
  payload: Buffer.from(text),
  ...more,
})

/** Everything from a position to the durable end. */
async function readAll(from: Journal, position = 0): Promise<{ records: Record[]; damagedBytes: number }> {
  const reader = openReader(folder, from, position)
  const records: Record[] = []
  let damagedBytes = 0
  for (let at = position; at < from.durable(); ) {
    const chunk = await reader.read()
    records.push(...chunk.records)
    damagedBytes += chunk.damagedBytes
    at = chunk.next
  }
  await reader.close()
  return { records, damagedBytes }
}
const texts = (records: Record[]) => records.map((record) => record.payload.toString())
const segmentFiles = async () => (await readdir(folder)).filter((name) => name.endsWith('.journal')).toSorted()

test('journal gives back every field of a message when it is read', async () => {
  const opened = await open()
  const given = message('1.2', {
    qos: 2,
    dup: true,
    retain: true,
    packetId: 65535,
    topic: 'sensors/é/b/x',
    client: 'ü',
  })
  await opened.accept(given)
  const { records } = await readAll(opened)
  expect(records).toHaveLength(1)
  expect(records[0]).toMatchObject({ ...given, position: 0, ordinal: 1 })
})

test('journal tells each record at once, as it is read later, when somebody wants to hear of it', async () => {
  const placed: Record[] = []
  const opened = await open({ onPlaced: (record) => placed.push(record), clock: { nowMs: () => 1_000 } })
  const accepted = [
    opened.accept(message('1')),
    opened.accept(message('2', { kind: MessageKind.birth })),
    opened.accept(message('3')),
  ]
  expect(texts(placed)).toEqual(['1', '2', '3'])
  expect(opened.durable()).toBe(0)
  await Promise.all(accepted)
  expect((await readAll(opened)).records).toEqual(placed)
})

test('journal reads on at the position where a reader stopped when it was reopened', async () => {
  const opened = await open()
  await Promise.all(['a', 'b', 'c'].map((text) => opened.accept(message(text))))
  const { records } = await readAll(opened)
  await opened.close()
  const again = await open()
  await again.accept(message('d'))
  expect(texts((await readAll(again, (records[2] as Record).position)).records)).toEqual(['c', 'd'])
  expect((await readAll(again)).records.map((record) => record.ordinal)).toEqual([1, 2, 3, 4])
})

test('journal gives strictly increasing receive times when the clock stands still or steps back a little', async () => {
  let nowMs = 1_700_000_000_000
  const opened = await open({ clock: { nowMs: () => nowMs-- } })
  for (let i = 0; i < 5; i++) await opened.accept(message('x'))
  const times = (await readAll(opened)).records.map((record) => record.receivedAtUs)
  expect(times).toEqual([0, 1, 2, 3, 4].map((us) => 1_700_000_000_000_000 + us))
})

test('journal follows the clock back when it was wrong by more than a minute', async () => {
  const times = [4_000_000_000_000, 1_700_000_000_000]
  const opened = await open({ clock: { nowMs: () => times.shift() as number } })
  await opened.accept(message('x'))
  await opened.accept(message('x'))
  expect((await readAll(opened)).records[1]?.receivedAtUs).toBe(1_700_000_000_000_000)
})

test('journal cuts a torn tail and keeps the bytes when the last group was not written whole', async () => {
  const opened = await open()
  for (const text of ['a', 'b', 'c']) await opened.accept(message(text))
  const last = (await readAll(opened)).records[2] as Record
  await opened.close()
  const file = join(folder, (await segmentFiles())[0] as string)
  await truncate(file, headerBytes + last.position + 20)
  const again = await open()
  expect(texts((await readAll(again)).records)).toEqual(['a', 'b'])
  expect(again.ordinal()).toBe(2)
  expect((await readFile(join(folder, `torn-${last.position}.bytes`))).length).toBe(20)
  await again.accept(message('d'))
  expect(texts((await readAll(again)).records)).toEqual(['a', 'b', 'd'])
})

test('journal steps over a flipped byte and shows the loss as a gap in the ordinals', async () => {
  const opened = await open()
  for (const text of ['a', 'b', 'c', 'd']) await opened.accept(message(text))
  const second = (await readAll(opened)).records[1] as Record
  await opened.close()
  const file = join(folder, (await segmentFiles())[0] as string)
  const bytes = await readFile(file)
  bytes[headerBytes + second.position + 45] = (bytes[headerBytes + second.position + 45] as number) ^ 1
  await writeFile(file, bytes)
  const again = await open()
  const { records, damagedBytes } = await readAll(again)
  expect(texts(records)).toEqual(['a', 'c', 'd'])
  expect(records.map((record) => record.ordinal)).toEqual([1, 3, 4])
  expect(damagedBytes).toBe((records[1] as Record).position - second.position)
})

test('journal takes no record for one when it stands inside a payload', async () => {
  const opened = await open()
  await opened.accept(message('inner'))
  const file = join(folder, (await segmentFiles())[0] as string)
  const inner = (await readFile(file)).subarray(headerBytes)
  await opened.accept(message('', { payload: Buffer.from(inner) }))
  await opened.accept(message('behind'))
  const outer = (await readAll(opened)).records[1] as Record
  await opened.close()
  const bytes = await readFile(file)
  bytes.fill(0xff, headerBytes + outer.position, headerBytes + outer.position + 4)
  await writeFile(file, bytes)
  expect(texts((await readAll(await open())).records)).toEqual(['inner', 'behind'])
})

test('journal removes whole segments when they are released, and reads across the others', async () => {
  const opened = await open({ segmentBytes: 1000 })
  for (let i = 0; i < 100; i++) await opened.accept(message(String(i)))
  const { records } = await readAll(opened)
  expect(texts(records)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
  const before = await segmentFiles()
  expect(before.length).toBeGreaterThan(5)
  const fifty = (records[50] as Record).position
  await opened.release(fifty)
  expect((await segmentFiles()).length).toBeLessThan(before.length)
  expect(opened.oldest()).toBeLessThanOrEqual(fifty)
  expect(texts((await readAll(opened, fifty)).records)[0]).toBe('50')
  expect(texts((await readAll(opened)).records).at(-1)).toBe('99')
})

test('journal waits when it is full, and goes on when the store has caught up', async () => {
  const opened = await open({ segmentBytes: 500, bytesMax: 2000 })
  let durable = 0
  const all = Array.from({ length: 60 }, (_, i) => opened.accept(message(String(i))).then(() => durable++))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(opened.status().state).toBe('full')
  expect(durable).toBeLessThan(30)
  // A connection that ends must be known all the same.
  await opened.accept(message('{}', { kind: MessageKind.disconnect }))
  while (durable < 60) {
    await opened.release(opened.durable())
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(all)
  expect(opened.status().state).toBe('ok')
  expect(opened.ordinal()).toBe(60)
})

test('journal goes on behind the mark of the store when its own folder was emptied', async () => {
  const opened = await open({ startAt: { position: 5000, ordinal: 40 } })
  await opened.accept(message('first'))
  const { records } = await readAll(opened, 5000)
  expect(records[0]).toMatchObject({ position: 5000, ordinal: 41 })
})

test('journal knows how many readings there were before its oldest record', async () => {
  const opened = await open({ segmentBytes: 500 })
  expect(opened.first).toMatchObject({ position: 0, ordinal: 0 })
  for (let i = 0; i < 30; i++) await opened.accept(message(String(i)))
  await opened.release(opened.durable())
  await opened.close()
  const again = await open()
  const { records } = await readAll(again, again.first.position)
  expect(records[0]?.ordinal).toBe(again.first.ordinal + 1)
  expect(again.first.ordinal).toBeGreaterThan(20)
})

test('journal forgets what waits for room when its connection has ended', async () => {
  const opened = await open({ segmentBytes: 500, bytesMax: 1000 })
  for (let i = 0; opened.status().state === 'ok'; i++) {
    opened.accept(message(String(i), { epoch: 1 })).catch(() => {})
  }
  const abandoned = opened.accept(message('gone', { epoch: 2 }))
  const kept = opened.accept(message('kept', { epoch: 3 }))
  const before = opened.stats().waiting
  opened.abandon(2)
  await expect(abandoned).rejects.toBeInstanceOf(AbandonedError)
  expect(opened.stats().waiting).toBe(before - 1)
  await opened.flush()
  await opened.release(opened.durable())
  await kept
  expect(texts((await readAll(opened, opened.oldest())).records)).not.toContain('gone')
})

test('journal keeps messages out, not in memory, when the disk is full', async () => {
  const opened = await open({ diskReserveBytes: Number.MAX_SAFE_INTEGER, retryMs: 1 })
  const results = [opened.accept(message('first'))]
  while (opened.status().state !== 'full') await new Promise((resolve) => setTimeout(resolve, 1))
  for (let i = 0; i < 100; i++) results.push(opened.accept(message('more')))
  expect(opened.stats().waiting).toBe(100)
  expect(opened.ordinal()).toBe(1)
  const settled = Promise.allSettled(results)
  await opened.close()
  journal = null
  expect((await settled).every((it) => it.status === 'rejected')).toBe(true)
})

test('journal leaves the reserve of the disk to others, and says so', async () => {
  const opened = await open({ diskReserveBytes: Number.MAX_SAFE_INTEGER, retryMs: 1 })
  const accepting = opened.accept(message('a'))
  while (opened.status().state !== 'full') await new Promise((resolve) => setTimeout(resolve, 1))
  expect(opened.durable()).toBe(0)
  await opened.close()
  journal = null
  await expect(accepting).rejects.toThrow('stay reserved')
})

test('journal opens when a crash left a segment without a header', async () => {
  const opened = await open()
  await opened.accept(message('a'))
  const end = opened.durable()
  await opened.close()
  await writeFile(join(folder, `${String(end).padStart(16, '0')}.journal`), 'DEWP')
  const again = await open()
  await again.accept(message('b'))
  expect(texts((await readAll(again)).records)).toEqual(['a', 'b'])
})

test('reader of another process follows the files as they grow', async () => {
  const opened = await open({ segmentBytes: 800 })
  const reader = openReader(folder, folderTail(folder, 1), 0)
  const seen: string[] = []
  const reading = (async () => {
    while (seen.length < 50) seen.push(...texts((await reader.read()).records))
  })()
  for (let i = 0; i < 50; i++) await opened.accept(message(String(i)))
  await reading
  await reader.close()
  expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => String(i)))
})

test('reader finds its way out of more than one read of damage', async () => {
  const opened = await open()
  await opened.accept(message('a'))
  const big = Buffer.alloc(200_000, 120)
  for (let i = 0; i < 12; i++) await opened.accept(message('', { payload: big }))
  await opened.accept(message('z'))
  const from = (await readAll(opened)).records[1] as Record
  const to = (await readAll(opened)).records.at(-1) as Record
  await opened.close()
  const file = join(folder, (await segmentFiles())[0] as string)
  const bytes = await readFile(file)
  bytes.fill(0x41, headerBytes + from.position, headerBytes + to.position)
  await writeFile(file, bytes)
  const { records, damagedBytes } = await readAll(await open())
  expect(texts(records)).toEqual(['a', 'z'])
  expect(damagedBytes).toBe(to.position - from.position)
})

const packet = (text: string, more: Partial<PublishPacket> = {}): PublishPacket => {
  const topic = Buffer.from('sensors/é/b/rainfall')
  const bytes = Buffer.concat([Buffer.from('??'), topic, Buffer.from('!!'), Buffer.from(text), Buffer.from('behind')])
  const topicEnd = 2 + topic.length
  const payload = { payloadAt: topicEnd + 2, payloadEnd: topicEnd + 2 + Buffer.byteLength(text) }
  const rest = { kind: MessageKind.publish, qos: 1, dup: false, packetId: 65535, epoch: 3 } as const
  return { ...rest, client: Buffer.from('ü'), bytes, topicAt: 2, topicEnd, ...payload, ...more }
}

test('journal gives back packets and messages in the order in which they came', async () => {
  const opened = await open()
  opened.append(packet('a', { dup: true }))
  const accepting = opened.accept(message('b'))
  opened.append(packet('c'.repeat(70_000), { qos: 0, packetId: 0 }))
  opened.append(packet('', { kind: MessageKind.birth }))
  await accepting
  const { records, damagedBytes } = await readAll(opened)
  expect(texts(records)).toEqual(['a', 'b', 'c'.repeat(70_000), ''])
  const shared = { client: 'ü', topic: 'sensors/é/b/rainfall', epoch: 3, retain: false }
  expect(records[0]).toMatchObject({ ...shared, kind: MessageKind.publish, qos: 1, dup: true, packetId: 65535 })
  expect(records[2]).toMatchObject({ ...shared, qos: 0, dup: false, packetId: 0 })
  expect(records.map(({ ordinal }) => ordinal)).toEqual([1, 2, 3, 3])
  expect(damagedBytes).toBe(0)
})

test('journal tells packets durable before it resolves what was accepted behind them, and only what is', async () => {
  const opened = await open()
  const told: Array<number | string> = []
  opened.onSettled((durable) => {
    told.push(durable)
    expect(durable).toBe(opened.durable())
  })
  const first = opened.append(packet('a'))
  expect(first).toBe(opened.unsynced())
  expect(told).toEqual([])
  await opened.accept(message('b')).then(() => told.push('accepted'))
  expect(told).toEqual([opened.durable(), 'accepted'])
  expect(first).toBeLessThan(opened.durable())
  expect(opened.unsynced()).toBe(0)
  await opened.close()
  journal = null
  expect(opened.append(packet('late'))).toBe(-1)
})

test('journal tells how far it is durable, and where the next record will stand, when it has synced and when it was reopened', async () => {
  const it = await open({ clock: { nowMs: () => 1_000_000 } })
  expect(it.end()).toEqual({ position: 0, ordinal: 0, receivedAtUs: 0 })
  const kinds: MessageKind[] = [MessageKind.publish, MessageKind.connect, MessageKind.publish, MessageKind.disconnect]
  const all = kinds.map((kind) => it.accept(message('x', { kind })))
  expect(it.end().position).toBe(0)
  await Promise.all(all)
  const end = { position: it.durable(), ordinal: 2, receivedAtUs: 1_000_000_003 }
  expect(it.end()).toEqual(end)
  await it.close()
  expect((await open()).end()).toEqual(end)
})

test('journal takes no packet while it is full, and takes them again when the store has caught up', async () => {
  const opened = await open({ segmentBytes: 500, bytesMax: 1000 })
  let taken = 0
  while (opened.append(packet('x')) !== -1) taken++
  expect(taken).toBeGreaterThan(5)
  await opened.flush()
  await opened.release(opened.durable())
  expect(opened.append(packet('y'))).toBeGreaterThan(opened.durable())
})

test('journal begins a segment with a packet where the mark of its header says', async () => {
  const opened = await open({ segmentBytes: 300 })
  for (let i = 0; i < 10; i++) {
    opened.append(packet(String(i)))
    await opened.flush()
  }
  await opened.release(opened.durable())
  await opened.close()
  const again = await open()
  const { records } = await readAll(again, again.first.position)
  expect(records.length).toBeGreaterThan(0)
  expect(records[0]?.ordinal).toBe(again.first.ordinal + 1)
})

test('readers of one journal get the same records when one of them lags behind and catches up', async () => {
  const opened = await open({ segmentBytes: 800 })
  const shared = createSharedChunks()
  const follow = async (seen: string[], pauseMs: number) => {
    const reader = openReader(folder, opened, 0, shared)
    while (seen.length < 60) {
      seen.push(...texts((await reader.read()).records))
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    await reader.close()
  }
  const [quick, slow]: [string[], string[]] = [[], []]
  const following = [follow(quick, 0), follow(slow, 30)]
  for (let i = 0; i < 60; i++) {
    opened.append(packet(String(i)))
    await new Promise((resolve) => setTimeout(resolve, i % 3))
  }
  await Promise.all(following)
  expect(quick).toEqual(Array.from({ length: 60 }, (_, i) => String(i)))
  expect(slow).toEqual(quick)
})
