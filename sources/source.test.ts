/** Against aedes, a broker of MQTT 3.1.1 without shared subscriptions; test/real/source.test.ts goes to mosquitto. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Aedes } from 'aedes'
import { connectAsync } from 'mqtt'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { type Deferred, deferred } from '../telemetry/deferred.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { AbandonedError, FatalError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type Message, MessageKind } from '../telemetry/message.ts'
import type { Source } from '../telemetry/source.ts'
import { type RunningSource, startSource } from './source.ts'

let aedes: Aedes
let server: Server
let sockets: Set<Socket>
let port: number
let source: RunningSource | null
let counters = createCounters()
let taken: Message[]
let abandoned: number[]
let warnings: string[]
/** While it is set, readings wait for it. */
let gate: Deferred | null
/** Packet identifiers of PUBACKs, in order. */
let acks: number[]

beforeEach(async () => {
  aedes = await Aedes.createBroker()
  sockets = new Set()
  server = createServer((socket) => {
    sockets.add(socket)
    aedes.handle(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as { port: number }).port
  source = null
  counters = createCounters()
  taken = []
  abandoned = []
  warnings = []
  gate = null
  acks = []
})
afterEach(async () => {
  gate?.reject(new AbandonedError())
  await source?.close()
  for (const socket of sockets) socket.destroy()
  server.close()
  await new Promise<void>((resolve) => aedes.close(resolve))
})

function start(more: Partial<Source> = {}, bounds: { inFlightMax?: number; keepAliveS?: number } = {}): void {
  const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push(JSON.parse(line).msg) })
  source = startSource({
    source: {
      name: 'plant',
      url: `mqtt://127.0.0.1:${port}`,
      username: null,
      password: null,
      clientId: 'dewpoint',
      topics: ['sensors/#'],
      share: null,
      ...more,
    },
    accept(message) {
      taken.push(message)
      return message.kind === MessageKind.publish && gate !== null ? gate.promise : Promise.resolve()
    },
    abandon(epoch) {
      abandoned.push(epoch)
      if (readings().some((it) => it.epoch === epoch)) gate?.reject(new AbandonedError())
    },
    nextEpoch: createEpochs(),
    isStatus: (topic) => topic.endsWith('/status'),
    counters,
    log,
    ...bounds,
  })
}
function hold(): void {
  gate = deferred()
  gate.promise.catch(() => {})
}
const patient = { timeout: 10_000, interval: 10 }
const connected = () => vi.waitFor(() => expect(source?.check()).toEqual({ ok: true, detail: '' }), patient)
const readings = () => taken.filter((it) => it.kind === MessageKind.publish)
const payloads = () => readings().map((it) => it.payload.toString())

async function publish(topic: string, payload: string | Buffer, qos: 0 | 1 | 2 = 1, retain = false): Promise<void> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 })
  await client.publishAsync(topic, payload, { qos, retain })
  await client.endAsync()
}
const topic = 'sensors/a/b/rainfall'

test('source falls back to MQTT 3.1.1, and puts its link and the readings on one path', async () => {
  start()
  await connected()
  await publish(topic, '0.2')
  await vi.waitFor(() => expect(taken).toHaveLength(2), patient)
  const [begin, reading] = taken
  expect(begin).toMatchObject({ kind: MessageKind.connect, client: 'source:plant' })
  expect(JSON.parse(String(begin?.payload))).toEqual({ address: `127.0.0.1:${port}`, keepAliveS: 60, clean: false })
  expect(reading).toMatchObject({ client: 'source:plant', topic, qos: 1, dup: false, retain: false })
  expect(reading?.epoch).toBe(begin?.epoch)
  expect(reading?.packetId).toBeGreaterThan(0)
  expect(counters).toMatchObject({ received: 1, refusedReadings: 0 })
  expect(counters.sources.plant).toEqual({ received: 1, retainedSkipped: 0, connects: 1 })
})

test('PUBACKs leave only after the readings are accepted, in order, and many wait at once', async () => {
  hold()
  start()
  await connected()
  aedes.on('ack', (packet) => acks.push((packet as { messageId: number }).messageId))
  for (let i = 0; i < 10; i++) await publish(topic, String(i))
  await vi.waitFor(() => expect(readings()).toHaveLength(10), patient)
  await sleep(50)
  expect(acks).toEqual([])
  gate?.resolve()
  await vi.waitFor(() => expect(acks).toHaveLength(10), patient)
  expect(acks).toEqual(readings().map((it) => it.packetId))
})

test('nothing more is read when as many as the limit wait, and all comes when they are accepted', async () => {
  hold()
  start({}, { inFlightMax: 5 })
  await connected()
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 })
  await Promise.all(Array.from({ length: 200 }, (_, i) => client.publishAsync(topic, String(i), { qos: 1 })))
  await client.endAsync()
  await vi.waitFor(() => expect(readings()).toHaveLength(6), patient)
  await sleep(100)
  expect(readings()).toHaveLength(6)
  gate?.resolve()
  await vi.waitFor(() => expect(readings()).toHaveLength(200), patient)
  expect(payloads()).toEqual(Array.from({ length: 200 }, (_, i) => String(i)))
})

test('link stays alive when nothing is read for longer than its keep alive', async () => {
  hold()
  start({}, { inFlightMax: 1, keepAliveS: 1 })
  await connected()
  for (const value of ['1', '2', '3']) await publish(topic, value)
  await sleep(4000)
  expect(payloads()).toEqual(['1', '2'])
  gate?.resolve()
  await vi.waitFor(() => expect(payloads()).toEqual(['1', '2', '3']), patient)
  expect(counters.sources.plant?.connects).toBe(1)
})

test('what waited is abandoned when the link breaks, and comes again on the next', async () => {
  hold()
  start()
  await connected()
  await publish(topic, '1')
  await vi.waitFor(() => expect(readings()).toHaveLength(1), patient)
  const first = readings()[0] as Message
  for (const socket of sockets) socket.destroy()
  await vi.waitFor(() => expect(abandoned).toContain(first.epoch), patient)
  expect(counters).toMatchObject({ received: 1, refusedReadings: 1, refused: { abandoned: 1 } })
  gate = null
  await vi.waitFor(() => expect(readings()).toHaveLength(2), patient)
  const second = readings()[1] as Message
  expect(second).toMatchObject({ packetId: first.packetId, client: first.client })
  expect(second.epoch).toBeGreaterThan(first.epoch)
  expect(taken.map((it) => it.kind)).not.toContain(MessageKind.disconnect)
})

test('what is published while the source is away comes when it is back', async () => {
  start()
  await connected()
  await source?.close()
  for (let i = 0; i < 20; i++) await publish(topic, String(i))
  start()
  await vi.waitFor(() => expect(readings()).toHaveLength(20), patient)
  expect(payloads()).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
})

test('health tells why nothing comes, and the source connects when its broker is there', async () => {
  const { port: taken } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  start()
  await vi.waitFor(() => expect(source?.check().detail).toContain('ECONNREFUSED'), patient)
  expect(source?.check().ok).toBe(false)
  server.listen(taken, '127.0.0.1')
  await connected()
})

test('health names the reason when the broker refuses the account, or a topic', async () => {
  aedes.authenticate = (_client, username, _password, done) =>
    username === 'me' ? done(null, true) : done(Object.assign(new Error('no'), { returnCode: 4 }), false)
  start()
  await vi.waitFor(() => expect(source?.check().detail).toContain('Bad username or password'), patient)
  await source?.close()
  aedes.authorizeSubscribe = (_client, _subscription, done) => done(null, null as never)
  start({ username: 'me', password: 'x' })
  await vi.waitFor(() => expect(source?.check().detail).toContain('sensors/#'), patient)
  expect(source?.check().ok).toBe(false)
})

test('source subscribes plainly, with one warning, when the broker shares no subscriptions', async () => {
  start({ share: 'group' })
  await connected()
  await publish(topic, '0.2')
  await vi.waitFor(() => expect(payloads()).toEqual(['0.2']), patient)
  expect(warnings).toEqual(['broker shares no subscriptions: every message comes here'])
})

test('retained readings are left aside and counted, retained states are taken', async () => {
  await publish('sensors/a/old/rainfall', '7', 1, true)
  await publish('sensors/a/up/status', 'online', 1, true)
  await publish('sensors/a/down/status', 'offline', 1, true)
  start()
  await connected()
  await vi.waitFor(() => expect(taken).toHaveLength(3), patient)
  await publish('sensors/a/new/rainfall', '8', 1, true)
  await vi.waitFor(() => expect(payloads()).toEqual(['8']), patient)
  const kinds = Object.fromEntries(taken.map((it) => [it.topic, it.kind]))
  expect(kinds['sensors/a/up/status']).toBe(MessageKind.birth)
  expect(kinds['sensors/a/down/status']).toBe(MessageKind.will)
  expect(counters.received).toBe(1)
  expect(counters.sources.plant?.retainedSkipped).toBe(1)
})

test('message is refused, counted and acknowledged when it can never be taken, so that others follow', async () => {
  start()
  await connected()
  aedes.on('ack', (packet) => acks.push((packet as { messageId: number }).messageId))
  await publish(topic, Buffer.alloc(limits.packetBytesMax + 1))
  await publish(`sensors/${'x'.repeat(limits.topicBytesMax)}`, '1')
  await publish(topic, '2')
  await vi.waitFor(() => expect(acks).toHaveLength(3), patient)
  expect(payloads()).toEqual(['2'])
  expect(counters).toMatchObject({
    received: 3,
    refusedReadings: 2,
    refused: { packet_too_large: 1, topic_invalid: 1 },
  })
})

test('QoS 2 of an older session is taken once, before its PUBREC', async () => {
  const before = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: 'dewpoint', clean: false })
  await before.subscribeAsync('other/#', { qos: 2 })
  await before.endAsync()
  hold()
  start()
  await connected()
  const written: string[] = []
  aedes.on('ack', () => written.push('ack'))
  await publish('other/x', '1', 2)
  await vi.waitFor(() => expect(readings()).toHaveLength(1), patient)
  await sleep(50)
  expect(written).toEqual([])
  gate?.resolve()
  await vi.waitFor(() => expect(written.length).toBeGreaterThan(0), patient)
  await publish(topic, '2')
  await vi.waitFor(() => expect(payloads()).toEqual(['1', '2']), patient)
  expect(readings()[0]).toMatchObject({ qos: 2, payload: Buffer.from('1') })
})

test('QoS 0 is taken as it comes', async () => {
  start()
  await connected()
  await publish(topic, '1', 0)
  await vi.waitFor(() => expect(payloads()).toEqual(['1']), patient)
  expect(readings()[0]).toMatchObject({ qos: 0, packetId: 0 })
})

test('source leaves its broker for good, acknowledging nothing, when the journal has failed', async () => {
  hold()
  start()
  await connected()
  aedes.on('ack', (packet) => acks.push((packet as { messageId: number }).messageId))
  await publish(topic, '1')
  await vi.waitFor(() => expect(readings()).toHaveLength(1), patient)
  gate?.reject(new FatalError('disk'))
  await vi.waitFor(
    () => expect(source?.check()).toEqual({ ok: false, detail: 'the journal cannot take messages' }),
    patient,
  )
  await sleep(700)
  expect(counters.sources.plant?.connects).toBe(1)
  expect(acks).toEqual([])
  expect(counters).toMatchObject({ received: 1, refusedReadings: 1, refused: { not_accepting: 1 } })
})

test('source acknowledges what it took, and takes no more, when it is closed', async () => {
  hold()
  start()
  await connected()
  aedes.on('ack', (packet) => acks.push((packet as { messageId: number }).messageId))
  gate = null
  await publish(topic, '1')
  await vi.waitFor(() => expect(readings()).toHaveLength(1), patient)
  await source?.close()
  await vi.waitFor(() => expect(acks).toHaveLength(1), patient)
  await publish(topic, '2')
  await sleep(100)
  expect(payloads()).toEqual(['1'])
})
