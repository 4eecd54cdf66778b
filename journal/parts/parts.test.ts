import { appendFile, cp, mkdtemp, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Message, MessageKind, type Record } from '../../telemetry/message.ts'
import { type Journal, openJournal } from '../journal.ts'
import { listSegments } from '../segment.ts'
import { openParts, type Parts, type PartsOptions, partFolder } from './parts.ts'

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

async function read(parts: Parts, position: number, to = parts.durable()) {
  const reader = parts.openReader(position)
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
