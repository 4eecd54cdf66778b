import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import { lifeCycle, MessageKind } from '../telemetry/message.ts'
import { toRecord } from '../telemetry/quarantine.ts'
import type { Quarantined } from './batch.ts'
import { openQuarantine, type Quarantine, type QuarantineOptions, type Resolution } from './quarantine.ts'

const startMs = 1_700_000_000_000
let folder: string
let nowMs: number
let counters: ReturnType<typeof createCounters>
let opened: Quarantine[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarantine-'))
  nowMs = startMs
  counters = createCounters()
  opened = []
})
afterEach(async () => {
  for (const quarantine of opened) await quarantine.close()
  await rm(folder, { recursive: true })
})

/** Opening again without a close is what a killed process leaves to the next. */
async function open(more: Partial<QuarantineOptions> = {}): Promise<Quarantine> {
  const quarantine = await openQuarantine({
    folder,
    committed: Infinity,
    counters,
    clock: { nowMs: () => nowMs },
    ...more,
  })
  opened.push(quarantine)
  return quarantine
}

const message = (position: number, more: Partial<Quarantined> = {}, topic = 't'): Quarantined => ({
  record: {
    ...lifeCycle(MessageKind.publish, 'c', 1, topic),
    qos: 1,
    dup: true,
    packetId: 7,
    payload: Buffer.from([255, 0, 1]),
    position,
    ordinal: 3,
    receivedAtUs: startMs * 1000 + position,
  },
  code: 'bad_value',
  reason: 'because',
  configVersion: '0badcafe',
  ...more,
})
const ids = (quarantine: Quarantine, ...which: Parameters<Quarantine['list']>) =>
  quarantine.list(...which).map((entry) => entry.id)
const path = (name = 'quarantine') => join(folder, `${name}.jsonl`)
const linesOf = async (name?: string) => (await readFile(path(name), 'utf8')).split('\n').slice(0, -1)

test('quarantine gives the newest first, also when it is opened again', async () => {
  const first = await open()
  await first.keep([message(1), message(2)])
  await first.keep([message(10)])
  expect(ids(first, 2)).toEqual(['10', '2'])
  const second = await open()
  expect(ids(second, 10)).toEqual(['10', '2', '1'])
  expect(second.get('2')).toMatchObject({
    time: '2023-11-14T22:13:20.000Z',
    topic: 't',
    client: 'c',
    code: 'bad_value',
    configVersion: '0badcafe',
    decidedAt: 2,
  })
})

test('quarantine gives back the record as it was taken', async () => {
  const kept = message(4711)
  await (await open()).keep([kept])
  expect(toRecord((await open()).list(1)[0] as never)).toEqual(kept.record)
})

test('quarantine keeps nothing twice when a crash or a message of many points brings it again', async () => {
  await (await open()).keep([message(1), message(2, { reason: 'first' }), message(2, { reason: 'second' })])
  const second = await open()
  await second.keep([message(1), message(2, { reason: 'third' }), message(3)])
  expect(ids(second, 10)).toEqual(['3', '2', '1'])
  expect(second.get('2')?.reason).toBe('first')
  expect(await linesOf()).toHaveLength(3)
})

test('quarantine lists by code, topic and place when it is asked to', async () => {
  const quarantine = await open()
  await quarantine.keep([message(1, {}, 'a/b'), message(2, { code: 'no_route' }, 'a/c'), message(3, {}, 'b')])
  expect(ids(quarantine, 9, { code: 'bad_value' })).toEqual(['3', '1'])
  expect(ids(quarantine, 9, { matches: (topic) => topic.startsWith('a/') })).toEqual(['2', '1'])
  expect(ids(quarantine, 9, { before: 3 })).toEqual(['2', '1'])
  expect(ids(quarantine, 1, { before: 3, code: 'bad_value' })).toEqual(['1'])
  expect(quarantine.counts()).toEqual({ bad_value: 2, no_route: 1 })
})

test('quarantine drops the oldest and counts them when its size is reached', async () => {
  const quarantine = await open({ bytesMax: 4000 })
  for (let i = 1; i <= 100; i++) await quarantine.keep([message(i)])
  const kept = ids(quarantine, 1000)
  expect(kept.length + (counters.quarantineDropped.size ?? 0)).toBe(100)
  expect(kept.length).toBeLessThan(40)
  expect(kept.slice(0, 2)).toEqual(['100', '99'])
  expect(ids(await open(), 1000)).toEqual(kept)
})

test('quarantine drops what is too old with the next batch, whatever that holds, and counts it once', async () => {
  const first = await open({ ageMsMax: 1000 })
  await first.keep([message(1), message(900_000)])
  nowMs = startMs + 1500
  await first.keep([])
  expect(ids(first, 9)).toEqual(['900000'])
  expect(counters.quarantineDropped).toEqual({ age: 1 })

  const second = await open({ ageMsMax: 1000 })
  expect(counters.quarantineDropped).toEqual({ age: 1 })
  expect(ids(second, 9)).toEqual(['900000'])
  expect(await linesOf()).toHaveLength(1)

  nowMs = startMs + 5000
  await second.keep([])
  expect(ids(second, 9)).toEqual([])
  expect(counters.quarantineDropped).toEqual({ age: 2 })
  expect(ids(await open({ ageMsMax: 1000 }), 9)).toEqual([])
  expect(await linesOf()).toEqual([])
})

test('quarantine keeps 90 days unless it is told otherwise', async () => {
  const quarantine = await open()
  await quarantine.keep([message(1)])
  nowMs = startMs + limits.quarantineAgeMsMax
  await quarantine.keep([])
  expect(ids(quarantine, 9)).toEqual(['1'])
  nowMs += 1
  await quarantine.keep([])
  expect(ids(quarantine, 9)).toEqual([])
})

test('resolved entry leaves the list for good, and its replay is told from every other', async () => {
  const first = await open()
  await first.keep([message(1), message(2)])
  expect(first.resolutionOf('1')).toBeNull()
  await first.resolve([{ id: '1', by: 50 }])
  for (const quarantine of [first, await open()]) {
    expect(ids(quarantine, 9)).toEqual(['2'])
    expect(quarantine.has('1')).toBe(false)
    expect(quarantine.resolutionOf('1')).toBe(50)
    // The crash brings the replay again, and the message itself; a second replay comes too late.
    await quarantine.resolve([{ id: '1', by: 50 }])
    await quarantine.resolve([{ id: '1', by: 60 }])
    await quarantine.keep([message(1), message(1, { decidedAt: 60 })])
    expect(ids(quarantine, 9)).toEqual(['2'])
    expect(quarantine.resolutionOf('1')).toBe(50)
  }
  // A start leaves out what is gone, raw bytes included.
  expect(await linesOf()).toHaveLength(2)
})

test('claim keeps a second replay away before the first is on disk, until that fails', async () => {
  const quarantine = await open()
  await quarantine.keep([message(1)])
  quarantine.claim('1', 50)
  expect(quarantine.resolutionOf('1')).toBe(50)
  expect(ids(quarantine, 9)).toEqual(['1'])
  await quarantine.keep([message(1, { decidedAt: 50, code: 'store_rejected', reason: 'no' })])
  expect(quarantine.resolutionOf('1')).toBeNull()
  expect(quarantine.get('1')).toMatchObject({ code: 'store_rejected', reason: 'no', decidedAt: 50 })
})

test('announced entry is there for a replay that comes before the entry is on disk', async () => {
  const quarantine = await open()
  expect(quarantine.has('1')).toBe(false)
  quarantine.announce('1')
  expect([quarantine.has('1'), ids(quarantine, 9)]).toEqual([true, []])
  await quarantine.keep([message(1)])
  await quarantine.resolve([{ id: '1', by: 50 }])
  expect(quarantine.has('1')).toBe(false)
})

test('entry that fails again stays with the new reason and version, whatever a crash repeats', async () => {
  const first = await open()
  await first.keep([message(1), message(2)])
  await first.keep([message(1, { decidedAt: 50, code: 'bad_time', reason: 'new', configVersion: '00000002' })])
  await first.keep([message(1), message(1, { decidedAt: 40 })])
  const wanted = { code: 'bad_time', reason: 'new', configVersion: '00000002', decidedAt: 50, payload: '/wAB' }
  for (const quarantine of [first, await open(), await open()]) {
    expect(quarantine.get('1')).toMatchObject(wanted)
    expect(ids(quarantine, 9)).toEqual(['2', '1'])
  }
  expect(await linesOf()).toHaveLength(2)
})

test('entry is there again when the replay that resolved it fails after a crash', async () => {
  const first = await open()
  await first.keep([message(1)])
  await first.resolve([{ id: '1', by: 50 }])
  const second = await open()
  await second.keep([message(1, { decidedAt: 50, reason: 'other routes' })])
  for (const quarantine of [second, await open()]) {
    expect(quarantine.get('1')).toMatchObject({ reason: 'other routes', decidedAt: 50 })
    expect(quarantine.resolutionOf('1')).toBeNull()
  }
})

test('quarantine undoes at its start what no commit followed, so that other routes may decide otherwise', async () => {
  const first = await open()
  await first.keep([message(1), message(2), message(3)])
  await first.resolve([{ id: '1', by: 40 }])
  // The commit was at 50.
  await first.keep([message(2, { decidedAt: 50, reason: 'again' }), message(60)])
  await first.resolve([{ id: '3', by: 70 }])
  const second = await open({ committed: 50 })
  expect(ids(second, 9)).toEqual(['3', '2'])
  expect(second.get('2')).toMatchObject({ reason: 'because', decidedAt: 2 })
  expect([second.resolutionOf('1'), second.resolutionOf('3')]).toEqual([40, null])
  await second.keep([message(3, { decidedAt: 70, reason: 'other routes' })])
  const third = await open({ committed: 100 })
  expect(ids(third, 9)).toEqual(['3', '2'])
  expect(third.get('3')?.reason).toBe('other routes')
})

test('every message is counted once when replays, changed routes and kills come in any order', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  process.stderr.write(`seed ${seed}\n`)
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
  // A journal of messages and replays; a replay names any message before it, quarantined then or not.
  const journal = Array.from({ length: 300 }, (_, position) => ({
    position,
    of: position > 10 && random(2) === 0 ? random(position) : null,
  }))
  const messages = journal.filter((it) => it.of === null).map((it) => it.position)
  for (const it of journal) if (it.of !== null && !messages.includes(it.of)) it.of = messages[0] as number

  const store = new Set<number>()
  let checkpoint = { position: 0, stored: 0, quarantined: 0 }
  let kills = 0
  while (checkpoint.position < journal.length) {
    const version = random(4)
    const isReadable = (position: number) => (position * 7) % 5 < version
    const quarantine = await open({ committed: checkpoint.position })
    /** Decided, and not delivered: ingest is up to two batches ahead of the store. */
    const ahead: Array<{ kept: Quarantined[]; resolved: Resolution[]; next: typeof checkpoint }> = []
    while (checkpoint.position < journal.length) {
      const last = ahead.at(-1)?.next ?? checkpoint
      if (ahead.length < 3 && last.position < journal.length && random(2) === 0) {
        ahead.push(decide(quarantine, last, isReadable))
        continue
      }
      const batch = ahead.shift()
      if (batch === undefined) continue
      await quarantine.keep(batch.kept)
      if (random(6) === 0) break
      await quarantine.resolve(batch.resolved)
      if (random(6) === 0) break
      checkpoint = batch.next
      expect(quarantine.list(1000).length).toBe(checkpoint.quarantined)
      if (random(6) === 0) break
    }
    kills++
  }

  function decide(quarantine: Quarantine, from: typeof checkpoint, isReadable: (position: number) => boolean) {
    const batch = journal.slice(from.position, from.position + 1 + random(12))
    const next = { ...from, position: from.position + batch.length }
    const kept: Quarantined[] = []
    const resolved: Resolution[] = []
    for (const { position, of } of batch) {
      const id = String(of ?? position)
      if (of !== null) {
        const by = quarantine.resolutionOf(id)
        if (by === null ? !quarantine.has(id) : by !== position) continue
      }
      if (isReadable(of ?? position)) {
        store.add(of ?? position)
        next.stored++
        if (of === null) continue
        next.quarantined--
        quarantine.claim(id, position)
        resolved.push({ id, by: position })
      } else {
        if (of === null) {
          next.quarantined++
          quarantine.announce(id)
        }
        kept.push(message(of ?? position, { decidedAt: position, reason: `by ${position}` }))
      }
    }
    return { kept, resolved, next }
  }

  const kept = ids(await open({ committed: checkpoint.position }), 1000).map(Number)
  expect(kills).toBeGreaterThan(5)
  expect(checkpoint.stored + checkpoint.quarantined).toBe(messages.length)
  expect(kept.length).toBe(checkpoint.quarantined)
  // Points that a killed try wrote may be there as well; the same point is written again when the message is decided again.
  expect(messages.filter((it) => !store.has(it) && !kept.includes(it))).toEqual([])
})

test('resolutions are remembered when the entries around them were dropped for their size', async () => {
  const first = await open({ bytesMax: 4000 })
  await first.keep([message(1)])
  await first.resolve([{ id: '1', by: 50 }])
  for (let i = 100; i < 200; i++) await first.keep([message(i)])
  expect(counters.quarantineDropped.size).toBe(100 - ids(first, 1000).length)
  expect(first.resolutionOf('1')).toBe(50)
  expect((await open({ bytesMax: 4000 })).resolutionOf('1')).toBe(50)
})

test.each([
  ['before anything was renamed', async () => {}],
  ['between its two renames', () => rename(path(), path('quarantine.older'))],
])('quarantine loses nothing when a turn-over is cut %s', async (_, crash) => {
  const first = await open()
  await first.keep([message(1), message(2)])
  await writeFile(path('quarantine.next'), '{"resolved":"0","by":9}\n')
  await crash()
  const second = await open()
  expect(ids(second, 9)).toEqual(['2', '1'])
  await second.keep([message(3)])
  expect(ids(await open(), 9)).toEqual(['3', '2', '1'])
})

test('quarantine cuts off a line that a crash tore, and passes over what is no line of its own', async () => {
  await (await open()).keep([message(1)])
  await appendFile(path(), 'null\n7\n[]\n{"id":8}\n{"a":\n{"id":"2","topic":"é')
  const second = await open()
  await second.keep([message(2)])
  expect(ids(second, 10)).toEqual(['2', '1'])
  expect((await linesOf()).at(-1)).toContain('"id":"2"')
})

test('quarantine reads the lines of version 0.1.0, and tells their records apart', async () => {
  const old = (id: string) => ({
    id,
    topic: 't',
    client: 'c',
    time: '2023-11-14T22:13:20.123Z',
    code: 'bad_value',
    reason: 'r',
    payload: 'YWJj',
  })
  await writeFile(path('quarantine.older'), `${JSON.stringify(old('5'))}\n`)
  await writeFile(path(), `${JSON.stringify(old('400'))}\n`)
  const entries = (await open()).list(9)
  expect(entries.map(({ id, configVersion }) => [id, configVersion])).toEqual([
    ['400', ''],
    ['5', ''],
  ])
  const records = entries.map(toRecord)
  expect(records[0]).toMatchObject({ position: 400, receivedAtUs: 1_700_000_000_123_400, qos: 1, dup: false })
  expect(records[0]?.ordinal).not.toBe(records[1]?.ordinal)
  expect(records[0]?.payload.toString()).toBe('abc')
})

test('quarantine is whole after every cut of its file', async () => {
  const first = await open()
  await first.keep([message(1), message(2)])
  await first.resolve([{ id: '1', by: 50 }])
  await first.keep([message(2, { decidedAt: 60, reason: 'again' })])
  const whole = await readFile(path())
  const ends = [0, ...whole.keys()].filter((i) => i === 0 || whole[i - 1] === 0x0a).slice(1)
  for (let length = 0; length <= whole.length; length += 7) {
    await writeFile(path(), whole.subarray(0, length))
    const lines = [...ends, whole.length].filter((end) => end <= length && end > 0).length
    const cut = await open()
    expect([lines, ids(cut, 9), cut.resolutionOf('1')]).toEqual([
      lines,
      [[], ['1'], ['2', '1'], ['2'], ['2']][lines],
      lines >= 3 ? 50 : null,
    ])
    await cut.close()
    opened.pop()
  }
})
