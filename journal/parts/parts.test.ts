import { appendFile, cp, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FatalError } from '../../telemetry/errors.ts'
import { type Message, MessageKind, type Record } from '../../telemetry/message.ts'
import { type Journal, openJournal } from '../journal.ts'
import { type JournalReader, openReader } from '../reader.ts'
import { listSegments } from '../segment.ts'
import { hasParts, openParts, type Parts, type PartsOptions, partFolder } from './parts.ts'

/** With a code the order cannot be written; the parts can. */
const disk = vi.hoisted(() => ({ code: null as string | null }))
vi.mock('../writer.ts', async (actual) => {
  const writer = await actual<typeof import('../writer.ts')>()
  const writeFully: typeof writer.writeFully = async (...given) => {
    if (disk.code !== null) throw Object.assign(new Error('told by the test'), { code: disk.code })
    await writer.writeFully(...given)
  }
  return { ...writer, writeFully }
})

let folder: string
let lines: string[]
const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
/** Whatever was opened last. */
let open: { parts: Parts; workers: Map<number, Journal> } | null
let nowMs: number
const clock = { nowMs: () => nowMs }
const segmentBytes = 1500

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parts-'))
  lines = []
  open = null
  disk.code = null
  nowMs = 1_700_000_000_000
})
afterEach(async () => {
  await close()
  await rm(folder, { recursive: true })
})

async function close(): Promise<void> {
  if (open === null) return
  for (const worker of open.workers.values()) await worker.close()
  await open.parts.close()
  open = null
}

async function start(more: Partial<PartsOptions> = {}): Promise<Parts> {
  const own = { folder: partFolder(folder, 0), log, clock, segmentBytes }
  const workers = new Map<number, Journal>()
  const parts = await openParts({
    folder,
    log,
    startAt: { position: 0, ordinal: 0 },
    openOwn: (startAt) => openJournal({ ...own, startAt }),
    releasePart(part, position) {
      workers.get(part)?.release(position)
      return workers.has(part)
    },
    retryMs: 5,
    ...more,
  })
  open = { parts, workers }
  return parts
}

/** The journal of a part, which tells of its growth; part 0 is there already. */
async function worker(parts: Parts, part: number, skewMs = 0): Promise<Journal> {
  const started = part === 0 ? parts.own : open?.workers.get(part)
  if (started !== undefined) return started
  const opened = await openJournal({
    folder: partFolder(folder, part),
    log,
    clock: { nowMs: () => nowMs + skewMs },
    segmentBytes,
    startAt: parts.endOf(part),
  })
  opened.onSettled(() => parts.grew(part, opened.end()))
  open?.workers.set(part, opened)
  return opened
}

const message = (text: string, more: Partial<Message> = {}): Message => ({
  kind: MessageKind.publish,
  qos: 1,
  dup: false,
  retain: false,
  packetId: 7,
  epoch: 3,
  client: 'c',
  topic: 't',
  payload: Buffer.from(text),
  ...more,
})

const read = (parts: Parts, position: number) => readFrom(parts.openReader(position), position, parts.durable())

async function readFrom(reader: JournalReader, position: number, to: number) {
  const records: Record[] = []
  let damagedBytes = 0
  for (let at = position; at < to; ) {
    const chunk = await reader.read()
    records.push(...chunk.records)
    damagedBytes += chunk.damagedBytes
    at = chunk.next
  }
  await reader.close()
  return { records, damagedBytes }
}
const texts = (records: Record[]) => records.map((record) => record.payload.toString())
const seen = ({ position, ordinal, receivedAtUs, kind, payload }: Record) =>
  `${position} ${ordinal} ${receivedAtUs} ${kind} ${payload}`

/** Mulberry32. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

function expectGrowing(records: Record[], ordinalBefore: number): void {
  let [position, ordinal, receivedAtUs] = [-1, ordinalBefore, 0]
  for (const record of records) {
    expect(record.position).toBeGreaterThan(position)
    expect(record.receivedAtUs).toBeGreaterThan(receivedAtUs)
    if (record.kind === MessageKind.publish) ordinal++
    expect(record.ordinal).toBe(ordinal)
    position = record.position
    receivedAtUs = record.receivedAtUs
  }
}

test('parts give the same records at every read, whatever grew, was torn, released or restarted', async () => {
  const seed = Date.now() % 1e9
  process.stderr.write(`seed ${seed}\n`)
  const pick = random(seed)
  /** Joint records as they were first read, and what was acknowledged by part. */
  const known = new Map<number, string>()
  const acknowledged = new Map<number, string[]>([0, 1, 2, 3].map((part) => [part, []]))
  let releasedTo = 0
  let count = 0
  let rewritten = 0

  /** Appends at random; resolves when all is acknowledged. */
  async function grow(parts: Parts): Promise<void> {
    for (let i = pick(12); i >= 0; i--) {
      const part = pick(4)
      const journal = await worker(parts, part, part)
      const accepting = Array.from({ length: 1 + pick(8) }, () => {
        const text = `${part}:${count++}${'.'.repeat(pick(100))}`
        acknowledged.get(part)?.push(text)
        return journal.accept(message(text, { kind: pick(8) === 0 ? MessageKind.birth : MessageKind.publish }))
      })
      if (pick(2) === 0) nowMs += pick(3)
      if (pick(3) === 0) await Promise.all(accepting)
      else for (const each of accepting) each.catch(() => {})
      if (pick(4) === 0) await parts.flush()
    }
    for (const journal of [parts.own, ...(open?.workers.values() ?? [])]) await journal.flush()
  }

  async function check(parts: Parts): Promise<void> {
    await parts.flush()
    const { records, damagedBytes } = await read(parts, 0)
    expect(damagedBytes).toBe(0)
    const oldest = parts.oldest()
    expect(oldest).toBeLessThanOrEqual(releasedTo)
    expectGrowing(records, (records[0]?.ordinal ?? 0) - (records[0]?.kind === MessageKind.publish ? 1 : 0))
    for (const record of records) {
      const before = known.get(record.position)
      if (before !== undefined) expect(seen(record)).toBe(before)
      known.set(record.position, seen(record))
    }
    for (const position of [...known.keys()].filter((it) => it < oldest)) known.delete(position)
    expect(records.length).toBe(known.size)
    for (const [part, all] of acknowledged) {
      const got = texts(records).filter((text) => text.startsWith(`${part}:`))
      // All of it, but for a beginning that was released.
      expect(got).toEqual(all.slice(all.length - got.length))
    }
    const from = records[pick(records.length)]?.position ?? 0
    const again = (await read(parts, from + pick(2))).records
    const behind = records.filter(({ position }) => position >= from)
    expect(again.map(seen)).toEqual(behind.slice(behind.length - again.length).map(seen))
    expect(behind.length - again.length).toBeLessThanOrEqual(1)
  }

  for (let round = 0; round < 30; round++) {
    const parts = await start({ slackBytes: 640 })
    await check(parts)
    if (round > 0) expect(parts.first.position).toBe(parts.oldest())
    await grow(parts)
    await check(parts)
    const { ino } = await stat(join(folder, 'order.log'))
    if (pick(2) === 0) {
      const positions = [...known.keys()]
      releasedTo = Math.max(releasedTo, positions[pick(positions.length)] ?? 0)
      await parts.release(releasedTo)
    }
    await parts.flush()
    if ((await stat(join(folder, 'order.log'))).ino !== ino) rewritten++
    await check(parts)
    // What comes from here on is on disk when the power goes, and of the order only a piece.
    const synced = (await stat(join(folder, 'order.log'))).size
    await grow(parts)
    if (pick(2) === 0) await parts.flush()
    const crashed = `${folder}-crashed`
    await cp(folder, crashed, { recursive: true })
    await close()
    await rm(folder, { recursive: true })
    await cp(crashed, folder, { recursive: true })
    await rm(crashed, { recursive: true })
    const { size } = await stat(join(folder, 'order.log'))
    await truncate(join(folder, 'order.log'), synced + pick(size - synced + 1))
    for (const part of [0, 1, 2, 3]) {
      const newest = (await listSegments(partFolder(folder, part)).catch(() => [])).at(-1)
      if (newest !== undefined && pick(2) === 0) await appendFile(newest.path, Buffer.alloc(pick(90), pick(256)))
    }
  }
  expect(count).toBeGreaterThan(500)
  expect(rewritten).toBeGreaterThan(0)
})

const accepted = async (journal: Journal, ...all: string[]) => {
  for (const text of all) await journal.accept(message(text))
}
const logged = (text: string) => lines.some((line) => line.includes(text))
const orderLog = () => join(folder, 'order.log')

test('parts take over a journal with its positions, ordinals and times when they are first used', async () => {
  const own = { folder: partFolder(folder, 0), log, clock, segmentBytes: 500 }
  const before = await openJournal(own)
  for (let i = 0; i < 40; i++) await before.accept(message(String(i)))
  const kept = before.durable()
  await before.release(kept / 2)
  const { records } = await readFrom(openReader(own.folder, before, 0), 0, kept)
  await before.close()
  expect(hasParts(folder)).toBe(false)
  const parts = await start()
  expect(hasParts(folder)).toBe(true)
  expect(parts.first).toEqual({ position: before.oldest(), ordinal: (records[0]?.ordinal as number) - 1 })
  expect(parts.durable()).toBe(kept)
  expect(parts.ordinal()).toBe(40)
  expect((await read(parts, 0)).records.map(seen)).toEqual(records.map(seen))
  const middle = records[10]?.position as number
  expect((await read(parts, middle)).records.map(seen)).toEqual(records.slice(10).map(seen))
  await accepted(await worker(parts, 1), 'w')
  await parts.flush()
  expect((await read(parts, kept)).records[0]).toMatchObject({ position: kept, ordinal: 41 })
})

test('parts keep times as they are when only part 0 grows', async () => {
  const parts = await start()
  await Promise.all(Array.from({ length: 50 }, (_, i) => parts.own.accept(message(String(i)))))
  await parts.flush()
  await accepted(parts.own, 'x')
  await parts.flush()
  const times = (await read(parts, 0)).records.map(({ receivedAtUs }) => receivedAtUs)
  expect(times).toEqual(Array.from({ length: 51 }, (_, i) => nowMs * 1000 + i))
})

test('parts read in the order in which they were told, whatever is waiting', async () => {
  const parts = await start()
  const [one, two] = [await worker(parts, 1), await worker(parts, 2)]
  const told: string[] = []
  for (let i = 0; i < 60; i++) {
    const journal = [parts.own, one, two, parts.own][i % 4] as Journal
    await accepted(journal, String(i))
    told.push(String(i))
  }
  await parts.flush()
  expect(texts((await read(parts, 0)).records)).toEqual(told)
})

test('parts wait with the joint journal until the order is synced, not with what the parts acknowledge', async () => {
  const parts = await start()
  const reader = parts.openReader(0)
  const reading = reader.read()
  await accepted(await worker(parts, 1), 'a')
  expect(texts((await reading).records)).toEqual(['a'])
  await reader.close()
})

test('parts tell at the next start what a crash left untold, in the order of receive times', async () => {
  const parts = await start()
  const silent = { log, clock, segmentBytes }
  const one = await openJournal({ ...silent, folder: partFolder(folder, 1) })
  const two = await openJournal({ ...silent, folder: partFolder(folder, 2) })
  const told: string[] = []
  for (let i = 0; i < 30; i++) {
    nowMs += 25
    await accepted(i % 2 === 0 ? one : two, String(i))
    told.push(String(i))
  }
  await one.close()
  await two.close()
  await close()
  expect(parts.durable()).toBe(0)
  const again = await start()
  await again.flush()
  const { records } = await read(again, 0)
  expect(texts(records)).toEqual(told)
  expectGrowing(records, 0)
})

test('parts tell what a worker left when it has ended', async () => {
  const parts = await start()
  const silent = await openJournal({ folder: partFolder(folder, 1), log, clock })
  await accepted(silent, 'a', 'b')
  await silent.close()
  expect(await parts.recover(1)).toMatchObject({ position: silent.durable(), ordinal: 2 })
  await accepted(await worker(parts, 1), 'c')
  await parts.flush()
  expect(texts((await read(parts, 0)).records)).toEqual(['a', 'b', 'c'])
})

test('parts empty a part that nobody writes when it was released, and a new writer goes on behind', async () => {
  const parts = await start()
  await accepted(await worker(parts, 5), 'left', 'behind')
  await close()
  const again = await start()
  await again.flush()
  const { position } = again.endOf(5)
  expect((await listSegments(partFolder(folder, 5))).length).toBe(1)
  await again.release(again.durable())
  expect(await listSegments(partFolder(folder, 5))).toEqual([])
  await close()
  const third = await start()
  expect(third.first).toEqual({ position: again.durable(), ordinal: 2 })
  await accepted(await worker(third, 5), 'new')
  await third.flush()
  expect((await read(third, 0)).records).toMatchObject([{ position, ordinal: 3, payload: Buffer.from('new') }])
})

test('parts go on behind the mark of the store when it knows more than they', async () => {
  const parts = await start()
  await accepted(parts.own, 'a')
  await close()
  const again = await start({ startAt: { position: 5000, ordinal: 40 } })
  expect(logged('journal ends before what the store has taken')).toBe(true)
  expect(again.durable()).toBe(5000)
  const reader = again.openReader(5000)
  await accepted(await worker(again, 1), 'b')
  expect((await reader.read()).records).toMatchObject([{ position: 5000, ordinal: 41 }])
  await reader.close()
  await again.flush()
  expect(texts((await read(again, 0)).records)).toEqual(['a', 'b'])
  expect(parts.durable()).toBeLessThan(5000)
})

test('parts show damage inside a part as a gap of ordinals, and name all other records as before', async () => {
  const parts = await start()
  const one = await worker(parts, 1)
  for (let i = 0; i < 10; i++) await Promise.all([accepted(one, `1:${i}`), accepted(parts.own, `0:${i}`)])
  await parts.flush()
  const { records } = await read(parts, 0)
  await close()
  const [segment] = await listSegments(partFolder(folder, 1))
  const bytes = await readFile(segment?.path as string)
  const text = bytes.indexOf('1:4')
  bytes[text] = (bytes[text] as number) ^ 1
  await writeFile(segment?.path as string, bytes)
  const after = await read(await start(), 0)
  expect(after.records.map(seen)).toEqual(records.filter(({ payload }) => payload.toString() !== '1:4').map(seen))
  expect(after.damagedBytes).toBeGreaterThan(40)
})

test('parts read on when a whole part is lost', async () => {
  const parts = await start()
  const one = await worker(parts, 1)
  for (let i = 0; i < 5; i++) await accepted(i % 2 === 0 ? one : parts.own, String(i))
  await parts.flush()
  const end = parts.endOf(1)
  await close()
  await rm(partFolder(folder, 1), { recursive: true })
  await mkdir(partFolder(folder, 1))
  const again = await start()
  expect(await read(again, 0)).toMatchObject({ damagedBytes: end.position })
  await accepted(await worker(again, 1), '5')
  await again.flush()
  const { records } = await read(again, 0)
  expect(records.map((record) => [record.payload.toString(), record.ordinal])).toEqual([
    ['1', 2],
    ['3', 4],
    ['5', 6],
  ])
})

test('parts go on acknowledging while the order has no room, and keep the order for when it has', async () => {
  const parts = await start()
  const one = await worker(parts, 1)
  disk.code = 'ENOSPC'
  for (let i = 0; i < 9; i++) await accepted(i % 2 === 0 ? one : parts.own, String(i))
  await vi.waitFor(() => expect(parts.status().state).toBe('full'))
  expect(parts.durable()).toBe(0)
  expect(parts.ordinal()).toBe(9)
  disk.code = null
  await parts.flush()
  expect(parts.status().state).toBe('ok')
  expect(texts((await read(parts, 0)).records)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8'])
})

test('parts can be released, and closed, while the order has no room', async () => {
  const parts = await start()
  await accepted(await worker(parts, 1), 'a'.repeat(2000), 'b')
  await parts.flush()
  disk.code = 'ENOSPC'
  await accepted(parts.own, 'c')
  await parts.release(parts.durable())
  expect(parts.oldest()).toBe(parts.durable())
  await close()
  disk.code = null
  const again = await start()
  await again.flush()
  expect(texts((await read(again, 0)).records)).toContain('c')
})

test('parts say that they failed when the order cannot be written, and the next start has everything', async () => {
  let failure: Error | null = null
  const parts = await start({
    onFailed(error) {
      failure = error
    },
  })
  disk.code = 'EIO'
  await accepted(await worker(parts, 1), 'a')
  await vi.waitFor(() => expect(failure).toBeInstanceOf(FatalError))
  expect(parts.status().state).toBe('failed')
  await accepted(parts.own, 'b')
  expect(parts.durable()).toBe(0)
  await close()
  disk.code = null
  const again = await start()
  await again.flush()
  expect(texts((await read(again, 0)).records).toSorted()).toEqual(['a', 'b'])
})

test('parts leave out a damaged extent, say so, and read the others', async () => {
  const parts = await start()
  const one = await worker(parts, 1)
  for (let i = 0; i < 6; i++) {
    await accepted(i % 2 === 0 ? one : parts.own, String(i))
    await parts.flush()
  }
  await close()
  const bytes = await readFile(orderLog())
  // Behind the header and two marks.
  const third = 8 + 64 * (2 + 2)
  bytes[third + 20] = (bytes[third + 20] as number) ^ 1
  await writeFile(orderLog(), bytes)
  const again = await start()
  expect(logged('the order of the journal is damaged')).toBe(true)
  expect(await readFile(`${orderLog()}.damaged`)).toEqual(bytes)
  await accepted(again.own, '6')
  await again.flush()
  const { records } = await read(again, 0)
  expect(texts(records)).toEqual(['0', '1', '3', '4', '5', '6'])
  expect(records.map(({ ordinal }) => ordinal)).toEqual([1, 2, 4, 5, 6, 7])
  lines = []
  await close()
  await start()
  expect(logged('damaged')).toBe(false)
})

test('parts refuse a file that is no order', async () => {
  await writeFile(orderLog(), 'something else')
  await expect(start()).rejects.toThrow(/order\.log: is no order of a journal's parts/)
})

test('parts know where all stands when the order was written anew and holds nothing else', async () => {
  const parts = await start({ slackBytes: 64 })
  const one = await worker(parts, 1)
  for (let i = 0; i < 20; i++) await accepted(i % 2 === 0 ? one : parts.own, String(i))
  await parts.flush()
  const reader = parts.openReader(0)
  expect(texts((await reader.read()).records).length).toBeGreaterThan(0)
  for (let i = 0; i < 3; i++) {
    await parts.release(parts.durable())
    await parts.flush()
  }
  expect((await stat(orderLog())).size).toBeLessThan(8 + 64 * 6)
  await accepted(one, 'next')
  await parts.flush()
  expect(texts((await reader.read()).records).at(-1)).toBe('next')
  await reader.close()
  const [end, own] = [parts.endOf(1), parts.endOf(0)]
  await close()
  const again = await start()
  expect([again.endOf(1), again.endOf(0)]).toEqual([end, own])
  expect(again.first.ordinal).toBe(20)
  expect((await read(again, 0)).records).toMatchObject([{ ordinal: 21, payload: Buffer.from('next') }])
})

test('readers of the parts get the same when one of them lags behind', async () => {
  const parts = await start()
  const journals = [parts.own, await worker(parts, 1), await worker(parts, 2)]
  const follow = async (pauseMs: number) => {
    const reader = parts.openReader(0)
    const all: Record[] = []
    while (all.length < 90) {
      all.push(...(await reader.read()).records)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    await reader.close()
    return all.map(seen)
  }
  const following = [follow(0), follow(35)]
  for (let i = 0; i < 90; i++) {
    await accepted(journals[i % 3] as Journal, String(i))
    if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 4))
  }
  const [quick, slow] = await Promise.all(following)
  expect(quick).toHaveLength(90)
  expect(slow).toEqual(quick)
})

test('parts follow the clock back when it was wrong by more than a minute', async () => {
  const parts = await start()
  await accepted(await worker(parts, 1), 'a')
  nowMs -= 100_000
  await accepted(parts.own, 'b')
  await accepted(await worker(parts, 2), 'c')
  await parts.flush()
  const times = (await read(parts, 0)).records.map(({ receivedAtUs }) => receivedAtUs - nowMs * 1000)
  expect(times).toEqual([100_000_000, 0, 1])
})

test('reader of the parts ends when they are closed and everything was read', async () => {
  const parts = await start()
  const reader = parts.openReader(0)
  await accepted(parts.own, 'a')
  expect((await reader.read()).records).toHaveLength(1)
  const last = reader.read()
  await close()
  expect(await last).toMatchObject({ records: [], damagedBytes: 0 })
  await reader.close()
})
