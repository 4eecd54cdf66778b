import { connect as connectSocket, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { deferred } from '../telemetry/deferred.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { FatalError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type Message, MessageKind, type PacketEntrance, type PublishPacket } from '../telemetry/message.ts'
import { type Broker, createBroker } from './broker.ts'

let taken: Message[]
/** What accept() waits for; null: nothing. */
let gate: ReturnType<typeof deferred> | null
let isAccepting: boolean
let counters = createCounters()
let broker: Broker
let clients: MqttClient[]

beforeEach(async () => {
  taken = []
  listeners = []
  gate = null
  isAccepting = true
  clients = []
  counters = createCounters()
  broker = await open()
})
afterEach(async () => {
  gate?.resolve()
  for (const client of clients) client.end(true)
  await broker.close()
})

const open = (credentials: { username: string; password: string } | null = null) =>
  createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials,
    statusTopic: 'sensors/{site}/{device}/status',
    accept(message) {
      taken.push({ ...message, payload: Buffer.from(message.payload) })
      return gate === null || message.kind > MessageKind.will ? Promise.resolve() : gate.promise
    },
    packets:
      process.env.DEWPOINT_FAST_LANE === 'off'
        ? null
        : { append, onSettled: (it) => listeners.push(it), unsynced: () => 0 },
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => isAccepting,
    counters,
    log: pino({ level: 'silent' }),
  })

/** The short way: the same journal, seen from the other side. */
let listeners: Array<Parameters<PacketEntrance['onSettled']>[0]>
let position = 0
function append(packet: PublishPacket): number {
  const { kind, qos, dup, packetId, epoch, topicAt, topicEnd, payloadAt, payloadEnd } = packet
  const [client, topic, payload] = [
    Buffer.from(packet.client),
    Buffer.from(packet.bytes.subarray(topicAt, topicEnd)),
    Buffer.from(packet.bytes.subarray(payloadAt, payloadEnd)),
  ] as const
  const more = { client: client.toString(), topic: topic.toString(), payload }
  taken.push({ kind, qos, dup, retain: false, packetId, epoch, ...more })
  const end = ++position
  const tell = (durable: number, error: Error | null) => {
    for (const listener of listeners) listener(durable, error)
  }
  Promise.resolve(gate?.promise).then(
    () => tell(end, null),
    (error) => tell(end - 1, error),
  )
  return end
}
const port = () => (broker.addresses[0] as { port: number }).port
const kinds = (kind: number) => taken.filter((message) => message.kind === kind)

async function client(options: IClientOptions = {}): Promise<MqttClient> {
  const it = await mqtt.connectAsync(`mqtt://127.0.0.1:${port()}`, { reconnectPeriod: 0, ...options })
  clients.push(it)
  return it
}
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5000; !condition(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error('waited 5 s')
  }
}

/** A raw connection: MQTT.js would not send what a broken device does. */
async function raw(): Promise<{ socket: Socket; received: () => Buffer; isClosed: () => boolean }> {
  const socket = connectSocket(port(), '127.0.0.1')
  let received = Buffer.alloc(0)
  let isClosed = false
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  await new Promise((resolve) => socket.once('connect', resolve))
  return { socket, received: () => received, isClosed: () => isClosed }
}
const text = (it: string) => Buffer.concat([Buffer.from([it.length >> 8, it.length & 255]), Buffer.from(it)])
const packet = (header: number, ...parts: Buffer[]) => {
  const body = Buffer.concat(parts)
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7]
  return Buffer.concat([Buffer.from([header, ...length]), body])
}
const connectPacket = (id: string) => packet(0x10, text('MQTT'), Buffer.from([4, 2, 0, 60]), text(id))
const publishPacket = (header: number, id: number, topic: string, payload: string) =>
  packet(header, text(topic), Buffer.from([id >> 8, id & 255]), Buffer.from(payload))

test.each([
  [1 as const, 'PUBACK [MQTT-4.3.2-2]'],
  [2 as const, 'PUBREC [MQTT-4.3.3-2]'],
])('broker sends at QoS %i no %s before the message is durable', async (qos, _name) => {
  const device = await client()
  gate = deferred()
  let isAcknowledged = false
  const publishing = device.publishAsync('sensors/a/b/rainfall', '1', { qos }).then(() => {
    isAcknowledged = true
  })
  await until(() => kinds(MessageKind.publish).length === 1)
  await sleep(100)
  expect(isAcknowledged).toBe(false)
  gate.resolve()
  await publishing
})

test('broker acknowledges nothing and closes the connection when the journal has failed', async () => {
  const device = await client()
  gate = deferred()
  const closed = new Promise<void>((resolve) => device.once('close', () => resolve()))
  device.publish('sensors/a/b/rainfall', '1', { qos: 1 }, (error) => expect(error).toBeTruthy())
  await until(() => kinds(MessageKind.publish).length === 1)
  gate.reject(new FatalError('disk failed'))
  await closed
  isAccepting = false
  await expect(client()).rejects.toThrow(/unavailable/i)
  // The reading, and the connection after it.
  expect(counters.refused.not_accepting).toBe(2)
  expect(counters).toMatchObject({ received: 1, refusedReadings: 1 })
})

test('broker takes a QoS 2 packet once when it is sent again before its PUBREL [MQTT-4.3.3-2]', async () => {
  const { socket, received } = await raw()
  socket.write(connectPacket('q2'))
  await until(() => received().length >= 4)
  socket.write(publishPacket(0x34, 9, 'sensors/a/b/rainfall', '1'))
  await until(() => received().length >= 8)
  socket.write(publishPacket(0x3c, 9, 'sensors/a/b/rainfall', '1'))
  await until(() => received().length >= 12)
  expect(received().subarray(4)).toEqual(Buffer.from([0x50, 2, 0, 9, 0x50, 2, 0, 9]))
  expect(kinds(MessageKind.publish)).toHaveLength(1)
  socket.destroy()
})

test('broker hands on every field of a PUBLISH', async () => {
  const device = await client({ clientId: 'dev-1' })
  await device.publishAsync('sensors/a/b/rainfall', '1.5', { qos: 1, retain: true })
  const epoch = kinds(MessageKind.connect)[0]?.epoch
  expect(epoch).toBeGreaterThan(0)
  expect(kinds(MessageKind.publish)[0]).toMatchObject({
    qos: 1,
    retain: true,
    dup: false,
    client: 'dev-1',
    topic: 'sensors/a/b/rainfall',
    payload: Buffer.from('1.5'),
    epoch,
  })
  expect(kinds(MessageKind.publish)[0]?.packetId).toBeGreaterThan(0)
})

test.each([
  ['by itself', (it: MqttClient) => it.end(), 'client', 0],
  ['by a broken socket', (it: MqttClient) => it.stream.destroy(), 'closed', 1],
])('broker tells of a connection that ends %s', async (_how, leave, reason, wills) => {
  const will = { topic: 'sensors/a/b/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true }
  const device = await client({ clientId: 'dev-1', keepalive: 30, will })
  leave(device)
  await until(() => kinds(MessageKind.disconnect).length === 1)
  const details = { keepAliveS: 30, clean: true, willTopic: 'sensors/a/b/status' }
  expect(JSON.parse(String(kinds(MessageKind.connect)[0]?.payload))).toMatchObject(details)
  expect(JSON.parse(String(kinds(MessageKind.disconnect)[0]?.payload))).toEqual({ reason })
  expect(kinds(MessageKind.will)).toHaveLength(wills)
  expect(new Set(taken.filter((it) => it.client === 'dev-1').map((it) => it.epoch)).size).toBe(1)
})

test('broker numbers a takeover so that the late will of the old connection is known for what it is', async () => {
  const will = { topic: 'sensors/a/b/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true }
  await client({ clientId: 'dev-1', will })
  await client({ clientId: 'dev-1', will })
  await until(() => kinds(MessageKind.disconnect).length === 1 && kinds(MessageKind.will).length === 1)
  const [first, second] = kinds(MessageKind.connect)
  expect(second?.epoch).toBeGreaterThan(first?.epoch as number)
  expect(kinds(MessageKind.will)[0]?.epoch).toBe(first?.epoch)
  expect(kinds(MessageKind.disconnect)[0]).toMatchObject({ epoch: first?.epoch })
  expect(JSON.parse(String(kinds(MessageKind.disconnect)[0]?.payload))).toEqual({ reason: 'replaced' })
})

test('broker closes the connection when a packet announces more than the limit before CONNECT', async () => {
  const { socket, isClosed } = await raw()
  socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]))
  await until(isClosed)
  expect(counters.refused.packet_too_large).toBe(1)
})

test('broker closes the connection when a PUBLISH announces more than the limit', async () => {
  const { socket, received, isClosed } = await raw()
  socket.write(connectPacket('big'))
  await until(() => received().length >= 4)
  const bytes = limits.packetBytesMax + 1
  socket.write(Buffer.from([0x30, (bytes & 127) | 128, ((bytes >> 7) & 127) | 128, bytes >> 14]))
  await until(isClosed)
  expect(counters.refused.packet_too_large).toBe(1)
})

test('broker reads no more than the limit when readings trickle in and the journal stands still', async () => {
  const { socket, received } = await raw()
  socket.setNoDelay(true)
  socket.write(connectPacket('trickle'))
  await until(() => received().length >= 4)
  gate = deferred()
  for (let i = 1; i <= 500; i++) {
    socket.write(publishPacket(0x32, i, 'sensors/a/b/rainfall', String(i)))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await sleep(200)
  // One read may bring a whole buffer of small packets; without the bound all 500 would be here.
  const inFlight = kinds(MessageKind.publish).length
  expect(inFlight).toBeGreaterThanOrEqual(limits.packetsInFlightMax)
  expect(inFlight).toBeLessThan(400)
  gate.resolve()
  await until(() => kinds(MessageKind.publish).length === 500)
  await until(() => received().length === 4 + 500 * 4)
  socket.destroy()
})

test.each([
  ['$SYS/x', 'topic_reserved'],
  ['a\uFFFDb', 'topic_invalid'],
  ['x'.repeat(limits.topicBytesMax + 1), 'topic_invalid'],
])('broker refuses a PUBLISH to %s', async (topic, code) => {
  const device = await client()
  const closed = new Promise<void>((resolve) => device.once('close', () => resolve()))
  device.publish(topic, '1', { qos: 1 }, () => {})
  await closed
  expect(counters.refused).toEqual({ [code]: 1 })
  expect(counters).toMatchObject({ received: 1, refusedReadings: 1 })
  expect(kinds(MessageKind.publish)).toHaveLength(0)
})

test.each(['source:plant', 'http', 'http:gateway'])('client is refused when it calls itself %s', async (clientId) => {
  await expect(client({ clientId })).rejects.toThrow(/identifier rejected/i)
  expect(counters.refused).toEqual({ client_id_invalid: 1 })
})

test('broker refuses a client identifier that is too long', async () => {
  await expect(client({ clientId: 'x'.repeat(limits.clientIdBytesMax + 1) })).rejects.toThrow(/identifier rejected/i)
  expect(counters.refused).toEqual({ client_id_too_long: 1 })
})

test('broker asks for the account when there is one', async () => {
  await broker.close()
  broker = await open({ username: 'gauge', password: 'secret' })
  await expect(client()).rejects.toThrow(/bad username or password/i)
  await expect(client({ username: 'gauge', password: 'secreT' })).rejects.toThrow(/bad username/i)
  await client({ username: 'gauge', password: 'secret' })
  expect(counters.refused).toEqual({ bad_credentials: 2 })
})

test('broker delivers to every other subscriber when one of them is frozen', async () => {
  const { socket, received } = await raw()
  socket.write(connectPacket('frozen'))
  await until(() => received().length >= 4)
  socket.write(packet(0x82, Buffer.from([0, 1]), text('bulk'), Buffer.from([0])))
  await until(() => received().length >= 9)
  socket.pause()
  const [publisher, lively] = [await client(), await client()]
  let delivered = 0
  lively.on('message', () => delivered++)
  await lively.subscribeAsync('other')
  const bulk = Buffer.alloc(100_000)
  for (let i = 0; i < 150; i++) await publisher.publishAsync('bulk', bulk, { qos: 1 })
  await publisher.publishAsync('other', 'x', { qos: 1 })
  await until(() => delivered === 1)
  expect(counters.subscriberDropped).toBeGreaterThan(0)
  socket.destroy()
})

test('broker keeps no more than the limit for a persistent session that is away, and counts the rest', async () => {
  const subscriber = await client({ clientId: 'away', clean: false })
  await subscriber.subscribeAsync('bulk', { qos: 1 })
  await subscriber.endAsync()
  const publisher = await client()
  const all = Array.from({ length: limits.sessionQueueMax + 50 }, (_, i) =>
    publisher.publishAsync('bulk', String(i), { qos: 1 }),
  )
  await Promise.all(all)
  await until(() => counters.sessionLost.dropped === 50)
  const again = mqtt.connect(`mqtt://127.0.0.1:${port()}`, { clientId: 'away', clean: false, reconnectPeriod: 0 })
  clients.push(again)
  let delivered = 0
  again.on('message', () => delivered++)
  await until(() => delivered === limits.sessionQueueMax)
  // What was delivered makes room for what comes next.
  await publisher.publishAsync('bulk', 'last', { qos: 1 })
  await until(() => delivered === limits.sessionQueueMax + 1)
  expect(counters.sessionLost).toEqual({ dropped: 50 })
})

test('broker closes at once when a connection never said CONNECT', async () => {
  const { isClosed } = await raw()
  await broker.close()
  await until(isClosed)
})
