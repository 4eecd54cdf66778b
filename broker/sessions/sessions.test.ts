import { Aedes, type Client } from 'aedes'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { AedesBroker } from '../aedes-internals.ts'
import { matchesFilter } from './filter.ts'
import type { OutgoingPacket, Persistence, PublishedPacket } from './persistence.ts'
import { openSessions, type Sessions } from './sessions.ts'

let aedes: AedesBroker
let persistence: Persistence
let sessions: Sessions
let counters = createCounters()
let nowMs: number
let published: string[]

beforeEach(async () => {
  counters = createCounters()
  nowMs = 1_000_000
  published = []
  aedes = new Aedes() as AedesBroker
  await aedes.listen()
  persistence = aedes.persistence
  sessions = await openSessions({
    aedes,
    folder: null,
    commands: { topics: ['commands/#'], expiryMs: 60_000 },
    graceMs: 1_000,
    publishWill: async (client) => void published.push(client),
    ownerOf: () => null,
    counters,
    log: pino({ level: 'silent' }),
    clock: { nowMs: () => nowMs },
  })
})
afterEach(async () => {
  await sessions.close()
  await new Promise<void>((resolve) => aedes.close(resolve))
})

const subscribe = (id: string, topic: string, qos: 0 | 1 | 2 = 1) =>
  persistence.addSubscriptions({ id }, [{ topic, qos }])
const packet = (
  topic: string,
  payload: string | Buffer = 'x',
  more: Partial<PublishedPacket> = {},
): PublishedPacket => ({
  ...{ topic, payload: Buffer.from(payload), qos: 1, retain: false },
  ...more,
})
async function queue(id: string): Promise<OutgoingPacket[]> {
  const found: OutgoingPacket[] = []
  for await (const it of persistence.outgoingStream({ id })) found.push(it)
  return found
}
/** As aedes sends one: it proposes an identifier. */
async function send(id: string, it: OutgoingPacket, messageId: number): Promise<number> {
  const sent = { ...it, messageId: it.messageId ?? messageId }
  await persistence.outgoingUpdate({ id }, sent)
  return sent.messageId
}

test('keep does nothing when nobody has a session and nothing is retained', async () => {
  expect(sessions.keep(packet('a'))).toBeNull()
  await subscribe('c', 'b')
  const it = packet('a')
  await sessions.keep(it)
  expect(it.brokerCounter).toBeUndefined()
  expect(sessions.state.queuedCount()).toBe(0)
})

test('message is queued once for each client, at the highest QoS that it was granted, and not again by aedes', async () => {
  await subscribe('c', 'a/#', 1)
  await subscribe('c', 'a/+', 2)
  await subscribe('d', 'a/b', 1)
  const it = packet('a/b', 'x', { qos: 2 })
  await sessions.keep(it)
  await persistence.outgoingEnqueueCombi(await persistence.subscriptionsByTopic('a/b'), { ...it })
  expect((await queue('c')).map(({ qos }) => qos)).toEqual([2])
  expect((await queue('d')).map(({ qos }) => qos)).toEqual([1])
})

test('identifier in use is not given to another message [MQTT-2.3.1-2]', async () => {
  await subscribe('c', 'a')
  for (let i = 0; i < 3; i++) await sessions.keep(packet('a', String(i)))
  const [first, second, third] = (await queue('c')) as [OutgoingPacket, OutgoingPacket, OutgoingPacket]
  expect([await send('c', first, 65_535), await send('c', second, 65_535), await send('c', third, 1)]).toEqual([
    65_535, 1, 2,
  ])
  await persistence.outgoingClearMessageId({ id: 'c' }, { messageId: 1 })
  expect((await queue('c')).map(({ payload, dup, messageId }) => [String(payload), dup, messageId])).toEqual([
    ['0', true, 65_535],
    ['2', true, 2],
  ])
})

test('QoS 2 message goes on as PUBREL once it is received, and is gone with PUBCOMP', async () => {
  await subscribe('c', 'a', 2)
  await sessions.keep(packet('a', 'payload', { qos: 2 }))
  const [first] = (await queue('c')) as [OutgoingPacket]
  await send('c', first, 9)
  await persistence.outgoingUpdate({ id: 'c' }, { cmd: 'pubrel', messageId: 9 } as OutgoingPacket)
  expect(await queue('c')).toMatchObject([{ cmd: 'pubrel', messageId: 9 }])
  await persistence.outgoingClearMessageId({ id: 'c' }, { messageId: 9 })
  expect(await queue('c')).toEqual([])
  expect(sessions.state.queuedBytes()).toBe(0)
})

test('queue of a session is bounded by bytes, and what is dropped is counted', async () => {
  await subscribe('c', 'a')
  const large = Buffer.alloc(limits.sessionQueueBytesMax / 4)
  for (let i = 0; i < 5; i++) await sessions.keep(packet('a', large))
  expect(await queue('c')).toHaveLength(3)
  expect(counters.sessionLost).toEqual({ dropped: 2 })
  expect(sessions.lost()).toMatchObject([{ client: 'c', topic: 'a', why: 'dropped' }, { why: 'dropped' }])
})

test('queues of all sessions together are bounded by bytes', async () => {
  const large = Buffer.alloc(limits.sessionQueueBytesMax - 10_000)
  const fitting = Math.floor(limits.queuedBytesMax / large.length)
  for (let i = 0; i < fitting + 3; i++) await subscribe(`c${i}`, 'a')
  await sessions.keep(packet('a', large))
  expect(sessions.state.queuedCount()).toBe(fitting)
  expect(counters.sessionLost).toEqual({ dropped: 3 })
})

test('retained messages are bounded by bytes, and can be replaced and ended when they are at the bound', async () => {
  const large = Buffer.alloc(limits.retainedBytesMax / 4)
  for (let i = 0; i < 5; i++) await sessions.keep(packet(`r/${i}`, large, { retain: true }))
  expect(sessions.state.retained.size).toBe(3)
  expect(counters.retainedDropped).toBe(2)
  await sessions.keep(packet('r/0', 'small', { retain: true }))
  await persistence.storeRetained(packet('r/1', '', { retain: true }))
  await sessions.keep(packet('r/4', large, { retain: true }))
  expect([...sessions.state.retained.keys()].toSorted()).toEqual(['r/0', 'r/2', 'r/4'])
})

test('message expires by the rule of its topic, is not sent any more, and is counted when it is looked for', async () => {
  await subscribe('c', '#')
  await sessions.keep(packet('commands/c'))
  await sessions.keep(packet('other'))
  nowMs += 60_001
  expect((await queue('c')).map(({ topic }) => topic)).toEqual(['other'])
  nowMs += limits.commandExpiryMs
  expect(await queue('c')).toEqual([])
})

test('will of a connection that was taken over does not take away the will of the next one', async () => {
  const connection = (closed: boolean) => ({ id: 'c', conn: {}, closed }) as unknown as Client & { closed: boolean }
  const [first, second] = [connection(false), connection(false)]
  await persistence.delWill(first)
  await persistence.putWill(first, packet('w', 'first'))
  await persistence.delWill(second)
  await persistence.putWill(second, packet('w', 'second'))
  first.closed = true
  await persistence.delWill({ id: 'c' })
  expect(String(sessions.state.wills.get('c')?.payload)).toBe('second')
  second.closed = true
  await persistence.delWill({ id: 'c' })
  expect(sessions.state.wills.size).toBe(0)
})

test('owners are kept as plain data, and gone when they are deleted', () => {
  sessions.owners.set('c', { account: 'device a' })
  expect(sessions.state.owners.get('c')).toEqual({ account: 'device a' })
  sessions.owners.delete('c')
  expect(sessions.state.owners.size).toBe(0)
})

test.each([
  ['a/b', 'a/b', true],
  ['a/+', 'a/b', true],
  ['a/+', 'a', false],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/x', true],
  ['a', 'a/b', false],
  ['+/+', '/a', true],
])('filter %s matches %s: %s', (filter, topic, matches) => {
  expect(matchesFilter(filter, topic)).toBe(matches)
})

test('session that was away for too long leaves nothing: no subscription, no owner, no new queue', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] })
  await sessions.close()
  const again = new Aedes() as AedesBroker
  await again.listen()
  const store = again.persistence
  const theirs = await openSessions({
    aedes: again,
    folder: null,
    commands: { topics: [], expiryMs: 0 },
    graceMs: 1_000,
    publishWill: async () => {},
    ownerOf: () => null,
    counters,
    log: pino({ level: 'silent' }),
    clock: { nowMs: () => nowMs },
  })
  try {
    await store.addSubscriptions({ id: 'c' }, [{ topic: 'a', qos: 1 }])
    theirs.owners.set('c', { account: 'device c', credential: '' })
    again.emit('clientDisconnect', { id: 'c', clean: false } as unknown as Client)
    nowMs += limits.sessionExpiryMs
    vi.advanceTimersByTime(limits.sessionSweepMs)
    expect(counters.sessionsExpired).toBe(1)
    expect(await store.subscriptionsByTopic('a')).toEqual([])
    await theirs.keep(packet('a'))
    expect([theirs.state.sessions.size, theirs.owners.size, theirs.state.owners.size]).toEqual([0, 0, 0])
  } finally {
    vi.useRealTimers()
    await theirs.close()
    await new Promise<void>((resolve) => again.close(resolve))
  }
})
