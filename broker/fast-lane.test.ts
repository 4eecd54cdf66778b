import { connect as connectSocket, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { FatalError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { MessageKind, type PacketEntrance } from '../telemetry/message.ts'
import { type Broker, createBroker } from './broker.ts'

type Taken = { way: 'short' | 'long'; kind: number; client: string; topic: string; text: string; packetId: number }

/** In the order in which the journal got them. */
let taken: Taken[]
/** The journal: syncs by itself, or when it is told to. */
let isSyncing: boolean
let isFull: boolean
let position: number
let unsynced: number
let settle: (durable: number, error: Error | null) => void
/** Of the long way. */
let waiting: Array<{ resolve(): void; reject(error: Error): void }>
let counters = createCounters()
let broker: Broker
let sockets: Socket[]

function sync(): void {
  settle(position, null)
  for (const { resolve } of waiting.splice(0)) resolve()
}
const soon = () => setImmediate(() => isSyncing && sync())

const packets: PacketEntrance = {
  append(packet) {
    if (isFull) return -1
    const { kind, bytes, packetId } = packet
    const cut = (at: number, end: number) => Buffer.from(bytes.subarray(at, end)).toString()
    const topic = cut(packet.topicAt, packet.topicEnd)
    const text = cut(packet.payloadAt, packet.payloadEnd)
    taken.push({ way: 'short', kind, client: Buffer.from(packet.client).toString(), topic, text, packetId })
    soon()
    return ++position
  },
  onSettled(listener) {
    // The lane first, then those who wait to read on.
    const before = settle
    settle = (durable, error) => {
      before(durable, error)
      listener(durable, error)
    }
  },
  unsynced: () => unsynced,
}

beforeEach(async () => {
  taken = []
  waiting = []
  isSyncing = true
  isFull = false
  position = 0
  unsynced = 0
  settle = () => {}
  sockets = []
  counters = createCounters()
  broker = await createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials: null,
    statusTopic: 'sensors/{site}/{device}/status',
    packets,
    accept({ kind, client, topic, payload, packetId }) {
      if (kind > MessageKind.will) return Promise.resolve()
      taken.push({ way: 'long', kind, client, topic, text: payload.toString(), packetId })
      position++
      soon()
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log: pino({ level: 'silent' }),
  })
})
afterEach(async () => {
  isSyncing = true
  sync()
  for (const socket of sockets) socket.destroy()
  await broker.close()
})

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5000; !condition(); await sleep(2)) {
    if (Date.now() > deadline) throw new Error('waited 5 s')
  }
}

type Raw = { socket: Socket; received(): Buffer; acks(): number[]; isClosed(): boolean }

/** `behind`: 20 packets that do not wait for the CONNACK. */
async function device(id: string, keepAliveS = 60, behind?: (id: number) => Buffer): Promise<Raw> {
  const socket = connectSocket({
    port: (broker.addresses[0] as { port: number }).port,
    host: '127.0.0.1',
    noDelay: true,
  })
  sockets.push(socket)
  let received = Buffer.alloc(0)
  let isClosed = false
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  const eager = behind === undefined ? [] : Array.from({ length: 20 }, (_, i) => behind(i + 1))
  socket.write(Buffer.concat([packet(0x10, text('MQTT'), Buffer.from([4, 2, 0, keepAliveS]), text(id)), ...eager]))
  await until(() => received.length >= 4)
  const behindConnack = () => received.subarray(4)
  return {
    socket,
    received: behindConnack,
    acks: () => Array.from({ length: behindConnack().length >> 2 }, (_, i) => behindConnack().readUInt16BE(4 * i + 2)),
    isClosed: () => isClosed,
  }
}
const word = (value: number) => Buffer.from([value >> 8, value & 255])
const text = (it: string | Buffer) => Buffer.concat([word(Buffer.byteLength(it)), Buffer.from(it)])
function packet(header: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  for (let rest = body.length; length.length === 0 || rest > 0; rest >>= 7) {
    length.push((rest & 127) | (rest > 127 ? 128 : 0))
  }
  return Buffer.concat([Buffer.from([header, ...length]), body])
}
const publish = (header: number, id: number, topic: string | Buffer, payload: string) =>
  packet(header, text(topic), header & 6 ? word(id) : Buffer.alloc(0), Buffer.from(payload))

const topic = 'sensors/a/b/rainfall'
/** A device whose topic is known to have no subscriber. */
async function knownDevice(id = 'dev-1', keepAliveS = 60): Promise<Raw> {
  const it = await device(id, keepAliveS)
  for (let i = 0; !taken.some(({ way }) => way === 'short'); i++) {
    it.socket.write(publish(0x30, 0, topic, 'first'))
    await until(() => taken.length > i)
    await sleep(5)
  }
  taken = []
  counters.received = 0
  return it
}
const ways = () => taken.map(({ way }) => way)
const shortOnly = (count: number) => Array<string>(count).fill('short')

test('lane hands on client, topic, payload and packet identifier', async () => {
  const { socket } = await knownDevice('gerät')
  const long = 'ü'.repeat(3000)
  socket.write(
    Buffer.concat([publish(0x32, 7, topic, '1.5'), publish(0x30, 0, topic, ''), publish(0x3a, 8, topic, long)]),
  )
  await until(() => taken.length === 3)
  const all = { way: 'short', kind: MessageKind.publish, client: 'gerät', topic }
  expect(taken).toEqual([
    { ...all, text: '1.5', packetId: 7 },
    { ...all, text: '', packetId: 0 },
    { ...all, text: long, packetId: 8 },
  ])
  expect(counters).toMatchObject({ received: 3, refusedReadings: 0 })
})

test('lane sends no PUBACK before the journal has synced, and then all of them in order', async () => {
  const it = await knownDevice()
  isSyncing = false
  it.socket.write(Buffer.concat([3, 1, 2].map((id) => publish(0x32, id, topic, 'x'))))
  await until(() => taken.length === 3)
  await sleep(50)
  expect(it.received()).toHaveLength(0)
  sync()
  await until(() => it.acks().length === 3)
  expect(it.received()).toEqual(Buffer.from([0x40, 2, 0, 3, 0x40, 2, 0, 1, 0x40, 2, 0, 2]))
})

test('broker sends the PUBACKs of both ways in the order of the PUBLISHes [MQTT-4.6.0-2]', async () => {
  const it = await knownDevice()
  isSyncing = false
  const headers = [0x32, 0x32, 0x33, 0x32, 0x32]
  it.socket.write(Buffer.concat(headers.map((header, i) => publish(header, i + 1, topic, 'x'))))
  await until(() => taken.length === 5)
  expect(ways()).toEqual(['short', 'short', 'long', 'long', 'long'])
  it.socket.write(publish(0x32, 6, topic, 'x'))
  await until(() => taken.length === 6)
  sync()
  await until(() => it.acks().length === 6)
  expect(it.acks()).toEqual([1, 2, 3, 4, 5, 6])
})

test('broker takes every packet once and in order, whatever way and however the bytes are cut', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  console.log(`SEED=${seed}`)
  let state = seed
  const below = (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  const it = await knownDevice()
  const sent: string[] = []
  const ids: number[] = []
  const all: Buffer[] = []
  for (let i = 1; i <= 600; i++) {
    const payload = `${i}:${'x'.repeat(below(20) === 0 ? below(9000) : below(40))}`
    const kind = below(12)
    if (kind === 11) all.push(Buffer.from([0xc0, 0]))
    else {
      const header = kind < 8 ? 0x32 : kind < 10 ? 0x30 : 0x33
      all.push(publish(header, i, topic, payload))
      sent.push(payload)
      if (header !== 0x30) ids.push(i)
    }
  }
  const bytes = Buffer.concat(all)
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + below(below(3) === 0 ? 4000 : 40)
    it.socket.write(bytes.subarray(at, end))
    at = end
    if (below(4) === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => taken.length === sent.length)
  expect(taken.map((one) => one.text)).toEqual(sent)
  expect(new Set(ways())).toEqual(new Set(['short', 'long']))
  // PINGRESP is two bytes: taken out before the rest is read as packets of four.
  await until(() => withoutPings(it.received()).length === 4 * ids.length)
  expect(withoutPings(it.received())).toEqual(Buffer.concat(ids.map((id) => Buffer.from([0x40, 2, id >> 8, id & 255]))))
})
function withoutPings(bytes: Buffer): Buffer {
  const kept: Buffer[] = []
  for (let at = 0; at < bytes.length; at += bytes[at] === 0xd0 ? 2 : 4) {
    if (bytes[at] !== 0xd0) kept.push(bytes.subarray(at, at + 4))
  }
  return Buffer.concat(kept)
}

test('broker delivers a message when somebody has just subscribed, and takes the short way again when nobody does', async () => {
  const it = await knownDevice()
  const subscriber = await mqtt.connectAsync(`mqtt://127.0.0.1:${(broker.addresses[0] as { port: number }).port}`)
  const messages: string[] = []
  subscriber.on('message', (_topic, payload) => messages.push(payload.toString()))
  await subscriber.subscribeAsync('sensors/+/b/#', { qos: 1 })
  it.socket.write(publish(0x32, 1, topic, 'heard'))
  await until(() => messages.length === 1)
  expect(ways()).toEqual(['long'])
  await subscriber.unsubscribeAsync('sensors/+/b/#')
  await sleep(20)
  it.socket.write(publish(0x32, 2, topic, 'unheard'))
  await until(() => taken.length === 2)
  expect(ways()).toEqual(['long', 'short'])
  await subscriber.endAsync()
  expect(messages).toEqual(['heard'])
})

test('broker delivers to a client its own message when SUBSCRIBE and PUBLISH come in one segment', async () => {
  const it = await knownDevice()
  it.socket.write(
    Buffer.concat([packet(0x82, word(9), text(topic), Buffer.from([0])), publish(0x30, 0, topic, 'mine')]),
  )
  await until(() => it.received().includes('mine'))
  expect(ways()).toEqual(['long'])
})

test('broker keeps a message for a session that is away, whose subscription nobody else has', async () => {
  const it = await knownDevice()
  const url = `mqtt://127.0.0.1:${(broker.addresses[0] as { port: number }).port}`
  const session = { clientId: 'sleeper', clean: false, reconnectPeriod: 0 }
  const sleeper = await mqtt.connectAsync(url, session)
  await sleeper.subscribeAsync(topic, { qos: 1 })
  await sleeper.endAsync()
  it.socket.write(publish(0x32, 1, topic, 'kept'))
  await until(() => it.acks().length === 1)
  const messages: string[] = []
  const again = mqtt.connect(url, session)
  again.on('message', (_topic, payload) => messages.push(payload.toString()))
  await until(() => messages.length === 1)
  expect(messages).toEqual(['kept'])
  expect(ways()).toEqual(['long'])
  again.end(true)
})

test.each([
  ['a retained reading', publish(0x33, 5, topic, '1'), 1],
  ['QoS 2', publish(0x34, 5, topic, '1'), 1],
  ['a topic with a wildcard', publish(0x32, 5, 'sensors/+/b', '1'), 0],
  ['a topic with U+0000', publish(0x32, 5, 'sensors/\0/b', '1'), 0],
  ['a topic that is no UTF-8', publish(0x32, 5, Buffer.from([0x61, 0xc3, 0x28]), '1'), 0],
  ['a topic with a surrogate', publish(0x32, 5, Buffer.from([0x61, 0xed, 0xa0, 0x80]), '1'), 0],
  ['a topic of the broker', publish(0x32, 5, '$SYS/x', '1'), 0],
  ['an empty topic', publish(0x32, 5, '', '1'), 0],
  ['a topic that is too long', publish(0x32, 5, 'x'.repeat(limits.topicBytesMax + 1), '1'), 0],
  ['a topic longer than the packet', packet(0x32, word(500), Buffer.from('abc')), 0],
  ['a packet without a topic', packet(0x32, Buffer.from([0])), 0],
])('lane leaves %s to aedes', async (_what, bytes, count) => {
  const it = await knownDevice()
  it.socket.write(bytes)
  await until(() => (count === 1 ? taken.length === 1 : it.isClosed()))
  expect(ways()).toEqual(count === 1 ? ['long'] : [])
})

test('broker keeps the order when a device sends behind its CONNECT without waiting, and goes on when it is let in', async () => {
  await knownDevice()
  const { socket, acks } = await device('eager', 60, (id) => publish(0x32, id, topic, String(id)))
  for (let id = 21; id <= 40; id++) socket.write(publish(0x32, id, topic, String(id)))
  await until(() => acks().length === 40)
  const order = Array.from({ length: 40 }, (_, i) => i + 1)
  expect(taken.map(({ packetId }) => packetId)).toEqual(order)
  expect(acks()).toEqual(order)
})

test('lane tells births from readings', async () => {
  const it = await knownDevice()
  const status = 'sensors/a/b/status'
  for (let i = 0; i < 20 && !ways().includes('short'); i++) {
    it.socket.write(publish(0x32, i + 1, status, 'online'))
    await until(() => taken.length === i + 1)
    await sleep(5)
  }
  expect(taken.at(-1)).toMatchObject({ way: 'short', kind: MessageKind.birth, topic: status })
  expect(counters.received).toBe(0)
})

test('lane acknowledges nothing and closes the connection when the journal fails', async () => {
  const it = await knownDevice()
  isSyncing = false
  const durable = position
  it.socket.write(Buffer.concat([publish(0x32, 1, topic, '1'), publish(0x32, 2, topic, '2')]))
  await until(() => taken.length === 2)
  settle(durable, new FatalError('disk failed'))
  await until(it.isClosed)
  expect(it.received()).toHaveLength(0)
  expect(counters).toMatchObject({ received: 2, refusedReadings: 2 })
  expect(counters.refused.not_accepting).toBe(2)
})

test('broker lets readings wait on the long way, and reads no more, when the journal is full', async () => {
  const it = await knownDevice()
  isFull = true
  isSyncing = false
  for (let i = 1; i <= 300; i++) {
    it.socket.write(publish(0x32, i, topic, 'x'))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await sleep(100)
  expect(taken.length).toBeGreaterThanOrEqual(limits.packetsInFlightMax)
  expect(taken.length).toBeLessThan(250)
  expect(it.received()).toHaveLength(0)
  isFull = false
  isSyncing = true
  sync()
  await until(() => it.acks().length === 300)
  expect(it.acks()).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
})

test('broker reads no more than the limit when readings trickle in and the journal does not sync', async () => {
  const it = await knownDevice()
  isSyncing = false
  for (let i = 1; i <= 500; i++) {
    it.socket.write(publish(0x32, i, topic, 'x'))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await sleep(100)
  expect(taken.length).toBeGreaterThanOrEqual(limits.packetsInFlightMax)
  expect(taken.length).toBeLessThan(400)
  isSyncing = true
  sync()
  await until(() => it.acks().length === 500)
  expect(ways()).toEqual(shortOnly(500))
})

test('broker reads from nobody while too many bytes of all of them wait for a sync', async () => {
  const [one, other] = [await knownDevice('one'), await device('other')]
  taken = []
  unsynced = limits.unsyncedBytesMax
  for (const { socket } of [one, other]) {
    for (let i = 1; i <= 200; i++) {
      socket.write(publish(0x32, i, topic, 'x'))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await sleep(50)
  // Each had one read when the broker saw it, and one that was on its way.
  expect(taken.length).toBeLessThan(300)
  unsynced = 0
  sync()
  await until(() => one.acks().length === 200 && other.acks().length === 200)
})

test('broker keeps a connection whose only sign of life are readings on the short way [MQTT-3.1.2-24]', async () => {
  const it = await knownDevice('quiet', 1)
  for (let i = 1; i <= 8; i++) {
    it.socket.write(publish(0x30, 0, topic, 'x'))
    await sleep(350)
  }
  expect(it.isClosed()).toBe(false)
  expect(ways()).toEqual(shortOnly(8))
  await until(it.isClosed)
})

test('lane takes nothing behind a DISCONNECT', async () => {
  const it = await knownDevice()
  it.socket.write(Buffer.concat([publish(0x32, 1, topic, '1'), Buffer.from([0xe0, 0]), publish(0x32, 2, topic, '2')]))
  await until(it.isClosed)
  expect(taken.flatMap(({ way, text }) => (way === 'short' ? text : []))).toEqual(['1'])
})
