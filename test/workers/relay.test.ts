/** The broker with two workers, joined by streams: what goes which way, in which order, and what ends with a worker. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { deviceLine } from '../../broker/access/devices-file.ts'
import { derivedPassword } from '../../broker/access/password.ts'
import { type Broker, type BrokerOptions, createBroker } from '../../broker/broker.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { createEpochs } from '../../telemetry/epoch.ts'
import { limits } from '../../telemetry/limits.ts'
import { MessageKind, type PacketEntrance } from '../../telemetry/message.ts'
import {
  byte,
  type ConnectFields,
  connect,
  disconnect,
  pingreq,
  publish,
  pubrel,
  subscribe,
  unsubscribe,
} from '../mqtt/packets.ts'
import { openPeer, type Peer } from '../mqtt/peer.ts'
import { type Relayed, relayed } from '../servers/relayed.ts'

const patient = { timeout: 10_000, interval: 5 }
/** Part 0: the long way. Others: the short way in that part. */
type Taken = { part: number; kind: number; client: string; epoch: number; topic: string; text: string; id: number }
type JournalOfPart = { settle: (error?: Error) => void; isSyncing: boolean; isFull: boolean }

let taken: Taken[]
let parts: Map<number, JournalOfPart>
let workers: Relayed
let broker: Broker
let counters = createCounters()
let peers: Peer[]

/** A journal that syncs in the next turn, or when it is told to. */
function partOf(part: number): PacketEntrance {
  const listeners: Array<Parameters<PacketEntrance['onSettled']>[0]> = []
  let position = 0
  let durable = 0
  const state: JournalOfPart = {
    isSyncing: true,
    isFull: false,
    settle(error) {
      if (error === undefined) durable = position
      for (const listener of listeners) listener(durable, error ?? null)
    },
  }
  parts.set(part, state)
  return {
    append({ kind, client, epoch, bytes, topicAt, topicEnd, payloadAt, payloadEnd, packetId: id }) {
      if (state.isFull) return -1
      const cut = (at: number, end: number) => Buffer.from(bytes.subarray(at, end)).toString()
      const [topic, text] = [cut(topicAt, topicEnd), cut(payloadAt, payloadEnd)]
      taken.push({ part, kind, client: Buffer.from(client).toString(), epoch, topic, text, id })
      setImmediate(() => state.isSyncing && state.settle())
      return ++position
    },
    onSettled: (listener) => void listeners.push(listener),
    unsynced: () => position - durable,
  }
}

async function open(more: Partial<BrokerOptions> = {}): Promise<void> {
  broker = await createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials: null,
    statusTopic: 'sensors/{site}/{device}/status',
    async accept({ kind, client, epoch, topic, payload, packetId: id }) {
      taken.push({ part: 0, kind, client, epoch, topic, text: payload.toString(), id })
    },
    workers: workers.options,
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log: pino({ level: 'silent' }),
    ...more,
  })
}
beforeEach(() => {
  taken = []
  parts = new Map()
  peers = []
  counters = createCounters()
  workers = relayed({ count: 2, partOf })
})
afterEach(async () => {
  for (const peer of peers) peer.socket.destroy()
  await broker.close()
})

const topic = 'sensors/a/b/rainfall'
const readings = () => taken.filter(({ kind }) => kind === MessageKind.publish)
const texts = () => readings().map(({ text }) => text)
const partsOf = () => readings().map(({ part }) => part)
const of = (kind: number) => taken.filter((it) => it.kind === kind)

/** Of two connections one is at each worker. */
async function device(id: string, more: Partial<ConnectFields> = {}): Promise<Peer> {
  const peer = await openPeer((broker.addresses[0] as { port: number }).port, 8_000)
  peers.push(peer)
  peer.send(connect({ id, ...more }))
  expect((await peer.expect('connack')).body[1]).toBe(0)
  return peer
}
/** A device whose readings its worker takes; answers the worker's part. */
async function granted(peer: Peer, on = topic): Promise<number> {
  for (let id = 60_000; partsOf().at(-1) === undefined || partsOf().at(-1) === 0; id++) {
    peer.send(publish(on, 'first', { qos: 1, id }))
    await peer.expect('puback')
  }
  const part = partsOf().at(-1) as number
  taken = taken.filter(({ kind }) => kind !== MessageKind.publish)
  return part
}
const partState = (part: number) => parts.get(part) as JournalOfPart
const ids = async (peer: Peer, count: number) => {
  const all: number[] = []
  while (all.length < count) all.push((await peer.expect('puback')).body.readUInt16BE(0))
  return all
}

test('first reading takes the long way, and those behind it go into the part of the worker', async () => {
  await open()
  const peer = await device('gerät')
  expect(await granted(peer)).toBeGreaterThan(0)
  peer.send(
    publish(topic, '1', { qos: 1, id: 7 }),
    publish(topic, '2'),
    publish(topic, '3', { qos: 1, id: 8, dup: true }),
  )
  expect(await ids(peer, 2)).toEqual([7, 8])
  const epoch = of(MessageKind.connect)[0]?.epoch as number
  const all = { part: partsOf()[0], kind: MessageKind.publish, client: 'gerät', epoch, topic }
  expect(readings()).toEqual([
    { ...all, text: '1', id: 7 },
    { ...all, text: '2', id: 0 },
    { ...all, text: '3', id: 8 },
  ])
})

test('worker sends PUBACKs only after its part has synced, and has told of that before', async () => {
  await open()
  const peer = await device('gauge')
  const part = await granted(peer)
  partState(part).isSyncing = false
  await sleep(20)
  const grown = workers.grown.length
  peer.send(publish(topic, '1', { qos: 1, id: 7 }))
  await vi.waitFor(() => expect(texts()).toEqual(['1']), patient)
  await peer.expectNothing()
  expect(workers.grown).toHaveLength(grown)
  partState(part).settle()
  await peer.expect('puback')
  await vi.waitFor(() => expect(workers.grown).toHaveLength(grown + 1), patient)
  expect(workers.grown.at(-1)?.part).toBe(part)
})

test('reading reaches a subscriber at another worker as soon as that has its SUBACK', async () => {
  await open()
  const peer = await device('gauge')
  const part = await granted(peer)
  const subscriber = await device('page')
  for (let i = 0; i < 20; i++) {
    subscriber.send(subscribe(i + 1, ['sensors/+/b/#', 0]))
    await subscriber.expect('suback')
    peer.send(publish(topic, `heard ${i}`, { qos: 1, id: i + 1 }))
    expect((await subscriber.expectPublish()).payload).toBe(`heard ${i}`)
    await peer.expect('puback')
    subscriber.send(unsubscribe(100, 'sensors/+/b/#'))
    await subscriber.expect('unsuback')
    await granted(peer)
  }
  peer.send(publish(topic, 'unheard', { qos: 1, id: 9 }))
  await peer.expect('puback')
  expect(partsOf()).toEqual([part])
  await subscriber.expectNothing()
})

test('reading waits in the session of a subscriber that is away', async () => {
  await open()
  const peer = await device('gauge')
  await granted(peer)
  const sleeper = await device('sleeper', { clean: false })
  sleeper.send(subscribe(1, [topic, 1]))
  await sleeper.expect('suback')
  await sleeper.drop()
  peer.send(publish(topic, 'kept', { qos: 1, id: 1 }))
  await peer.expect('puback')
  const again = await device('sleeper', { clean: false })
  expect((await again.expectPublish()).payload).toBe('kept')
})

test('packets keep their order whatever way they go, and however the bytes are cut', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  console.log(`SEED=${seed}`)
  let state = seed
  const below = (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  await open()
  const peer = await device('gauge')
  await granted(peer)
  const sent: string[] = []
  const all: Buffer[] = []
  const acks: string[] = []
  for (let i = 1; i <= 600; i++) {
    const text = `${i}:${'x'.repeat(below(20) === 0 ? below(9_000) : below(40))}`
    const kind = below(14)
    if (kind === 13) all.push(pingreq)
    else {
      sent.push(text)
      if (kind < 9) all.push(publish(topic, text, { qos: 1, id: i }))
      else if (kind < 11) all.push(publish(topic, text))
      else if (kind < 12) all.push(publish(topic, text, { qos: 1, id: i, retain: true }))
      else all.push(publish(topic, text, { qos: 2, id: i }), pubrel(i))
      if (kind < 9 || kind === 11) acks.push(`puback ${i}`)
      else if (kind === 12) acks.push(`pubrec ${i}`)
    }
  }
  const bytes = Buffer.concat(all)
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + below(below(3) === 0 ? 4_000 : 60)
    peer.socket.write(bytes.subarray(at, end))
    at = end
    if (below(4) === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await vi.waitFor(() => expect(readings()).toHaveLength(sent.length), patient)
  expect(texts()).toEqual(sent)
  expect(new Set(partsOf()).size).toBe(2)
  const answered: string[] = []
  while (answered.length < acks.length) {
    const { type, body } = await peer.expectAny()
    if (type === 'puback' || type === 'pubrec') answered.push(`${type} ${body.readUInt16BE(0)}`)
  }
  expect(answered.filter((it) => it.startsWith('puback'))).toEqual(acks.filter((it) => it.startsWith('puback')))
  expect(answered.toSorted()).toEqual(acks.toSorted())
  expect(counters.refused).toEqual({})
})

test('client that comes back at another worker takes over, and the old connection is closed', async () => {
  await open()
  const old = await device('gauge')
  const part = await granted(old)
  const again = await device('gauge')
  await old.expectClosed()
  expect(await granted(again)).not.toBe(part)
  await vi.waitFor(() => expect(of(MessageKind.disconnect)).toHaveLength(1), patient)
  expect(JSON.parse(of(MessageKind.disconnect)[0]?.text as string)).toEqual({ reason: 'replaced' })
  expect(broker.workers().map(({ connections }) => connections)).toEqual(part === 1 ? [0, 1] : [1, 0])
})

test.each([
  ['DISCONNECT', (peer: Peer) => void peer.socket.end(disconnect), 'client', 0],
  ['a broken connection', (peer: Peer) => void peer.socket.resetAndDestroy(), 'closed', 1],
  ['the end of its sending', (peer: Peer) => void peer.socket.end(), 'closed', 1],
])('end by %s is told behind the readings before it', async (_how, end, reason, wills) => {
  await open()
  const will = { topic: 'sensors/a/b/status', payload: 'offline', qos: 1, retain: true }
  const peer = await device('gauge', { will })
  const part = await granted(peer)
  partState(part).isSyncing = false
  peer.send(publish(topic, 'last', { qos: 1, id: 7 }))
  await vi.waitFor(() => expect(texts()).toEqual(['last']), patient)
  end(peer)
  await sleep(100)
  expect(of(MessageKind.disconnect)).toHaveLength(0)
  partState(part).settle()
  await vi.waitFor(() => expect(of(MessageKind.disconnect)).toHaveLength(1), patient)
  expect(JSON.parse(of(MessageKind.disconnect)[0]?.text as string)).toEqual({ reason })
  expect(of(MessageKind.will)).toHaveLength(wills)
  expect(counters.connectionsOpen).toBe(0)
})

test('connection lives whose only sign of life are readings that its worker takes [MQTT-3.1.2-24]', async () => {
  await open()
  const peer = await device('quiet', { keepAliveS: 1 })
  await granted(peer)
  for (let i = 0; i < 9; i++) {
    peer.send(publish(topic, 'x'))
    await sleep(350)
  }
  expect(partsOf()).not.toContain(0)
  expect(partsOf()).toHaveLength(9)
  await peer.expectClosed()
  await vi.waitFor(() => expect(of(MessageKind.disconnect)).toHaveLength(1), patient)
  expect(JSON.parse(of(MessageKind.disconnect)[0]?.text as string)).toEqual({ reason: 'keepalive' })
})

test('subscriber that does not read is closed, and nobody else waits', async () => {
  await open()
  const frozen = await device('frozen')
  frozen.send(subscribe(1, ['bulk', 1]))
  await frozen.expect('suback')
  frozen.socket.pause()
  const [publisher, lively] = [await device('publisher'), await device('lively')]
  lively.send(subscribe(1, ['other', 0]))
  await lively.expect('suback')
  const bulk = Buffer.alloc(100_000)
  for (let id = 1; counters.subscriberClosed === 0 && id < 300; id++) {
    publisher.send(publish('bulk', bulk, { qos: 1, id }))
    await publisher.expect('puback')
  }
  expect(counters.subscriberClosed).toBe(1)
  publisher.send(publish('other', 'x'))
  expect((await lively.expectPublish()).payload).toBe('x')
})

test('everything written to a client arrives in order, however much it is', async () => {
  await open()
  const subscriber = await device('page')
  subscriber.send(subscribe(1, ['bulk', 1]))
  await subscriber.expect('suback')
  const publisher = await device('publisher')
  for (let id = 1; id <= 100; id++) {
    publisher.send(publish('bulk', `${id}:${'x'.repeat(id * 500)}`, { qos: 1, id }))
    expect((await subscriber.expectPublish()).payload).toHaveLength(id * 500 + String(id).length + 1)
    await publisher.expect('puback')
  }
})

test('packet of the greatest length passes, and one that announces more closes the connection', async () => {
  await open()
  const peer = await device('big')
  await granted(peer)
  const text = 'x'.repeat(limits.packetBytesMax - 100)
  peer.send(publish(topic, text, { qos: 1, id: 5 }), publish(topic, 'behind', { qos: 1, id: 6 }))
  expect(await ids(peer, 2)).toEqual([5, 6])
  expect(texts()).toEqual([text, 'behind'])
  peer.send(byte(0x30, 0xff, 0xff, 0xff, 0x7f))
  await peer.expectClosed()
  expect(counters.refused).toEqual({ packet_too_large: 1 })
})

test('readings take the long way while the part is full', async () => {
  await open()
  const peer = await device('gauge')
  const part = await granted(peer)
  partState(part).isFull = true
  for (let id = 1; id <= 50; id++) peer.send(publish(topic, String(id), { qos: 1, id }))
  expect(await ids(peer, 50)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
  expect(new Set(partsOf())).toEqual(new Set([0]))
  partState(part).isFull = false
  peer.send(publish(topic, 'again', { qos: 1, id: 51 }))
  await peer.expect('puback')
  expect(partsOf().at(-1)).toBe(part)
})

test('device sends no faster than the limit, although two processes take its readings, and nothing once it is revoked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dewpoint-relay-'))
  const devices = join(folder, 'devices.jsonl')
  writeFileSync(devices, '')
  const key = 'first-key-of-the-fleet-0123456789'
  const rules = { publish: ['sensors/{site}/{device}/#'], subscribe: [] }
  const access = { devices, derivedKeys: [key], operators: [], rules, anonymous: false, connectionsPerAddress: null }
  await open({ access })
  const peer = await device('b', { username: 'a/b', password: derivedPassword(key, 'a/b') })
  await granted(peer)
  const beginMs = performance.now()
  // Each twentieth takes the long way.
  const sent = limits.deviceMessagesBurst + limits.deviceMessagesPerS
  for (let i = 1; i <= sent; i++) peer.socket.write(publish(topic, String(i), { retain: i % 20 === 0 }))
  await vi.waitFor(() => expect(readings()).toHaveLength(sent), patient)
  expect(performance.now() - beginMs).toBeGreaterThan(900)
  expect(texts()).toEqual(Array.from({ length: sent }, (_, i) => String(i + 1)))
  expect(counters.throttled).toBeGreaterThan(0)
  const revoked = { site: 'a', device: 'b', credential: 'credential-7', created: '2026-11-24T12:00:00Z' }
  writeFileSync(`${devices}.new`, deviceLine({ ...revoked, password: null, revoked: '2026-11-25T12:00:00Z' }))
  renameSync(`${devices}.new`, devices)
  await broker.reloadDevices()
  await peer.expectClosed()
  expect(counters.refused).toEqual({ credential_revoked: 1 })
  rmSync(folder, { recursive: true })
})

test('devices of a worker that ended get time to come back, and their wills wait as long', async () => {
  const graceMs = limits.reconnectGraceMs
  Object.assign(limits, { reconnectGraceMs: 600 })
  await open()
  Object.assign(limits, { reconnectGraceMs: graceMs })
  const will = (name: string) => ({ topic: `sensors/a/${name}/status`, payload: 'offline', qos: 1, retain: true })
  const devices = [await device('one', { will: will('one') }), await device('two', { will: will('two') })]
  const [one, two] = devices as [Peer, Peer]
  const part = await granted(one)
  one.send(publish(topic, 'before', { qos: 1, id: 1 }))
  await one.expect('puback')
  // Both at one worker: the other one ended and came back meanwhile.
  workers.kill(part)
  await one.expectClosed()
  await vi.waitFor(() => expect(of(MessageKind.disconnect)).toHaveLength(1), patient)
  expect(of(MessageKind.disconnect)[0]).toMatchObject({ client: 'one', text: '{"reason":"worker"}' })
  const third = await device('three', { will: will('three') })
  await vi.waitFor(() => expect(broker.workers().map(({ problem }) => problem)).toEqual(['', '']), patient)
  expect(broker.workers()[part - 1]?.starts).toBe(2)
  workers.kill(1)
  workers.kill(2)
  await sleep(20)
  const again = await device('three', { will: will('three') })
  await Promise.all([two.expectClosed(), third.expectClosed()])
  expect(of(MessageKind.will)).toHaveLength(0)
  await vi.waitFor(() => expect(of(MessageKind.will)).toHaveLength(2), patient)
  expect(new Set(of(MessageKind.will).map(({ topic }) => topic))).toEqual(
    new Set(['sensors/a/one/status', 'sensors/a/two/status']),
  )
  again.send(pingreq)
  await again.expect('pingresp')
})

test('subscription waits for a worker that hangs until that was ended, and then holds', async () => {
  await open()
  const [one, two] = [await device('one'), await device('two')]
  const part = await granted(one)
  workers.hang(part)
  two.send(subscribe(1, ['sensors/#', 0]))
  await two.expectNothing(1_000)
  await two.expect('suback')
  await one.expectClosed()
}, 20_000)

test('connection waits while no worker is there', async () => {
  workers = relayed({ count: 1, partOf })
  await open()
  await device('one')
  workers.kill(1)
  await sleep(20)
  const two = await device('two')
  await granted(two)
  expect(counters.refused).toEqual({})
})

test('connections of a worker whose part failed are ended, and it gets no more of them', async () => {
  await open()
  const [one, two] = [await device('one'), await device('two')]
  const part = await granted(one)
  partState(part).isSyncing = false
  one.send(publish(topic, 'lost', { qos: 1, id: 1 }))
  await vi.waitFor(() => expect(texts()).toEqual(['lost']), patient)
  partState(part).settle(new Error('EIO'))
  await one.expectClosed()
  await two.expectNothing()
  taken = []
  expect(await granted(await device('one'))).toBe(3 - part)
  expect(broker.workers()[part - 1]?.problem).toBe('EIO')
})
