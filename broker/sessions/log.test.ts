import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Change } from './change.ts'
import type { State } from './state.ts'
import { openSessionStore, type SessionStore } from './store.ts'

let folder: string
let lines: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dewpoint-sessions-'))
  lines = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
const slackBytes = 64 * 1024
const open = () => openSessionStore(folder, log, slackBytes)
const path = () => join(folder, 'sessions', 'sessions.log')

/** Everything that can be told apart. */
const seen = ({ sessions, retained, wills, owners, queuedBytes, queuedCount, retainedBytes }: State) => ({
  sessions: [...sessions]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([client, session]) => ({
      client,
      bytes: session.bytes,
      leftAtMs: session.leftAtMs,
      filters: [...session.filters].toSorted(),
      taken: [...session.taken].toSorted((a, b) => a - b),
      entries: [...session.entries.values()],
      identifiers: [...session.byMessageId].map(([id, entry]) => [id, entry.id]).toSorted(),
    })),
  retained: [...retained].toSorted(),
  wills: [...wills].toSorted(),
  owners: [...owners].toSorted(),
  sizes: [queuedBytes(), queuedCount(), retainedBytes()],
})
async function reopened(): Promise<ReturnType<typeof seen>> {
  const store = await open()
  const found = seen(store.state)
  await store.close()
  return found
}

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

/** Anything that the broker might do, to a few clients and topics, so that changes meet one another. */
function anyChange(pick: (below: number) => number, id: () => number, lastId: () => number): Change {
  const client = `client-${pick(5)}`
  const topic = `topic/${pick(8)}`
  const recent = Math.max(1, lastId() - pick(30))
  const payload = Buffer.alloc(pick(300), pick(255))
  const kinds: Array<() => Change> = [
    () => ['subscribed', client, topic, 1 + pick(2)],
    () => ['unsubscribed', client, topic],
    () => ['left', client, pick(2) === 0 ? null : pick(1e6)],
    () => [
      'queued',
      id(),
      [
        [client, 1],
        [`client-${pick(5)}`, 2],
      ],
      topic,
      payload,
      pick(1000),
      pick(1000),
    ],
    () => ['queued', id(), [[client, 1]], topic, payload, pick(1000), pick(1000)],
    () => ['sent', client, recent, 1 + pick(100)],
    () => ['released', client, recent],
    () => ['gone', client, recent],
    () => ['gone', client, recent],
    () => ['taken', client, pick(20)],
    () => ['completed', client, pick(20)],
    () => ['retained', topic, payload, pick(3)],
    () => ['willed', client, topic, payload, pick(3), pick(2) === 0],
    () => ['unwilled', client],
    () => ['owned', client, pick(3) === 0 ? null : { account: `a${pick(3)}` }],
  ]
  return pick(60) === 0 ? ['ended', client] : (kinds[pick(kinds.length)] as () => Change)()
}

test('log gives back the same state, whatever changed, and when it was written anew in between', async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9)
  process.stderr.write(`seed ${seed}\n`)
  const pick = random(seed)
  let lastId = 0
  let file = 0
  let changes = 0
  for (let round = 0; round < 4; round++) {
    const store = await open()
    for (let i = 0; i < 20_000; i++) {
      if (i % 100 === 0) {
        const { ino } = statSync(path())
        if (ino !== file) changes++
        file = ino
      }
      const change = anyChange(
        pick,
        () => ++lastId,
        () => lastId,
      )
      if (pick(100) === 0) await store.change(change)
      else store.note(change)
    }
    await store.close()
    expect(await reopened()).toEqual(seen(store.state))
  }
  expect(changes).toBeGreaterThan(10)
  expect(statSync(path()).size).toBeLessThan(20 * slackBytes)
  expect(readdirSync(join(folder, 'sessions'))).toEqual(['sessions.log'])
})

async function some(): Promise<SessionStore> {
  const store = await open()
  await store.change(['subscribed', 'c', 'a', 1])
  await store.change(['queued', 5, [['c', 1]], 'a', Buffer.from('x'), 1, 2], ['taken', 'c', 7])
  await store.change(['retained', 'r', Buffer.from('y'), 1])
  await store.close()
  return store
}

test('log keeps lists of changes whole when its end is torn at any byte, and says so', async () => {
  await some()
  const whole = readFileSync(path())
  const states = new Set<string>()
  for (let length = whole.length; length >= 5; length--) {
    writeFileSync(path(), whole)
    truncateSync(path(), length)
    const { sessions, retained } = await reopened()
    states.add(
      JSON.stringify([sessions.length, sessions[0]?.entries.length ?? 0, sessions[0]?.taken ?? [], retained.length]),
    )
    const isTorn = lines.some((line) => line.includes('ended in the middle of a change'))
    expect(isTorn).toBe(statSync(path()).size !== length)
    lines = []
  }
  expect([...states]).toEqual(['[1,1,[7],1]', '[1,1,[7],0]', '[1,0,[],0]', '[0,0,[],0]'])
})

test('log stops at a damaged place, keeps a copy of all of it, and goes on from there', async () => {
  await some()
  const bytes = readFileSync(path())
  bytes[bytes.length - 3] = (bytes.at(-3) as number) ^ 1
  writeFileSync(path(), bytes)
  const store = await open()
  expect(store.state.retained.size).toBe(0)
  expect(readFileSync(`${path()}.torn`)).toEqual(bytes)
  await store.change(['retained', 'after', Buffer.from('z'), 0])
  await store.close()
  expect((await reopened()).retained).toEqual([['after', { payload: Buffer.from('z'), qos: 0 }]])
})

test('log keeps what was synced when a power cut left zeros behind it, at whichever change', async () => {
  await some()
  const whole = readFileSync(path())
  const before = await reopened()
  for (const zeros of [1, 7, 8, 9, 100, 5000]) {
    writeFileSync(path(), Buffer.concat([whole, Buffer.alloc(zeros)]))
    expect(await reopened()).toEqual(before)
    expect(readFileSync(path())).toEqual(whole)
  }
  expect(lines.filter((line) => line.includes('ended in the middle of a change'))).toHaveLength(6)
})

test('log begins anew when a power cut left zeros only', async () => {
  await some()
  writeFileSync(path(), Buffer.alloc(300))
  const store = await open()
  expect(store.state.sessions.size).toBe(0)
  await store.change(['retained', 'after', Buffer.from('z'), 0])
  await store.close()
  expect((await reopened()).retained).toEqual([['after', { payload: Buffer.from('z'), qos: 0 }]])
})

test('log is not opened when the file is another one', async () => {
  await some()
  writeFileSync(path(), 'something else')
  await expect(open()).rejects.toThrow(/sessions\.log: is no log of sessions/)
})

test('log is whole when a crash left a half-written new one beside it', async () => {
  const store = await some()
  appendFileSync(`${path()}.new`, 'half')
  expect(await reopened()).toEqual(seen(store.state))
  expect(readdirSync(join(folder, 'sessions'))).toEqual(['sessions.log'])
})

test('store keeps nothing when it has no folder', async () => {
  const store = await openSessionStore(null, log)
  await store.change(['retained', 'r', Buffer.from('y'), 1])
  expect(store.state.retained.size).toBe(1)
  expect(store.logBytes()).toBe(0)
  await store.close()
})
