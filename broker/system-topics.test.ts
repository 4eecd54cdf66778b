import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { limits } from '../telemetry/limits.ts'
import { type Message, MessageKind } from '../telemetry/message.ts'
import { type Broker, createBroker } from './broker.ts'
import { createShortWay } from './short-way.fake.ts'

let folder: string
let broker: Broker
let taken: Message[]
let shortWay: number
let clients: MqttClient[]
let counters = createCounters()

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dewpoint-sys-'))
  taken = []
  shortWay = 0
  clients = []
  counters = createCounters()
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  broker = await createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials: null,
    folder,
    version: '1.2.3',
    statusTopic: 'sensors/{site}/{device}/status',
    async accept(message) {
      taken.push(message)
    },
    packets: createShortWay(() => void shortWay++),
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log: pino({ level: 'silent' }),
  })
})
afterEach(async () => {
  vi.useRealTimers()
  for (const client of clients) client.end(true)
  await broker.close()
  rmSync(folder, { recursive: true, force: true })
})

async function connect(options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.addresses[0]?.port}`, {
    reconnectPeriod: 0,
    keepalive: 0,
    ...options,
  })
  clients.push(client)
  return client
}
/** What the client has by topic below $SYS/broker; whether it came as retained. */
function listen(client: MqttClient): Map<string, { text: string; retain: boolean }> {
  const heard = new Map<string, { text: string; retain: boolean }>()
  client.on('message', (topic, payload, { retain }) => heard.set(topic, { text: payload.toString(), retain }))
  return heard
}
const later = () => vi.advanceTimersByTimeAsync(limits.sysIntervalMs)

test('new subscriber gets every topic of mosquitto at once, retained', async () => {
  const client = await connect()
  const heard = listen(client)
  await client.subscribeAsync('$SYS/broker/#')
  await vi.waitFor(() => expect(heard.size).toBe(26 + 27))
  expect([...heard.values()].every(({ retain }) => retain)).toBe(true)
  expect(heard.get('$SYS/broker/version')?.text).toBe('dewpoint version 1.2.3')
  expect(heard.get('$SYS/broker/uptime')?.text).toMatch(/^\d+ seconds$/)
  for (const [topic, { text }] of heard) {
    if (/version|uptime/.test(topic)) continue
    expect(text, topic).toMatch(topic.includes('/load/') ? /^\d+\.\d\d$/ : /^\d+$/)
  }
})

test('figures tell what was sent and received, whatever way it took', async () => {
  const sleeper = await connect({ clientId: 'sleeper', clean: false })
  await sleeper.subscribeAsync('commands/sleeper', { qos: 1 })
  await sleeper.endAsync()
  const panel = await connect()
  const heard = listen(panel)
  await panel.subscribeAsync('heard/+')
  const gauge = await connect()
  await gauge.publishAsync('heard/a', 'xx', { qos: 1 })
  await gauge.publishAsync('heard/a', 'xx', { qos: 2 })
  for (let i = 0; i < 10; i++) await gauge.publishAsync('nobody/listens', 'four', { qos: 1 })
  await gauge.publishAsync('kept', 'k', { qos: 1, retain: true })
  await gauge.publishAsync('commands/sleeper', 'c', { qos: 1 })
  expect(shortWay).toBeGreaterThan(8)
  await later()
  await panel.subscribeAsync('$SYS/broker/#')
  await vi.waitFor(() => expect(heard.has('$SYS/broker/uptime')).toBe(true))
  const figure = (name: string) => Number(heard.get(`$SYS/broker/${name}`)?.text)
  expect([figure('clients/connected'), figure('clients/disconnected'), figure('clients/total')]).toEqual([2, 1, 3])
  expect([figure('clients/maximum'), figure('subscriptions/count')]).toEqual([2, 2])
  expect(figure('publish/messages/received')).toBe(14)
  expect(figure('publish/bytes/received')).toBe(2 + 2 + 10 * 4 + 1 + 1)
  expect([figure('publish/messages/sent'), figure('publish/bytes/sent')]).toEqual([2, 4])
  // Three CONNECTs, two SUBSCRIBEs, a DISCONNECT, a PUBREL; then CONNACKs, SUBACKs, 13 PUBACKs, PUBREC, PUBCOMP.
  expect(figure('messages/received')).toBe(14 + 7)
  expect(figure('messages/sent')).toBe(2 + 3 + 2 + 13 + 2)
  expect(figure('retained messages/count')).toBe(1)
  expect(figure('store/messages/count')).toBe(2)
  expect(figure('load/publish/received/1min')).toBeGreaterThan(0)
})

test('bytes are those on the wire', async () => {
  const client = await connect({ clientId: 'c', protocolVersion: 4 })
  await client.publishAsync('a/b', 'x'.repeat(300), { qos: 1 })
  await client.publishAsync('a/b', 'x'.repeat(20_000), { qos: 1, retain: true })
  await client.subscribeAsync(['q', 'r', 's'])
  const { bytesWritten, bytesRead } = client.stream as unknown as { bytesWritten: number; bytesRead: number }
  expect(counters.mqtt.received.bytes).toBe(bytesWritten)
  expect(counters.mqtt.sent.bytes).toBe(bytesRead)
})

test('what has changed comes as a new message, and what has not does not come again', async () => {
  const client = await connect()
  await client.subscribeAsync('$SYS/broker/#')
  await vi.waitFor(() => expect(counters.mqtt.sent.publishes).toBe(53))
  const heard = listen(client)
  await later()
  await vi.waitFor(() => expect(heard.has('$SYS/broker/clients/connected')).toBe(true))
  expect(heard.get('$SYS/broker/clients/connected')).toEqual({ text: '1', retain: false })
  expect(heard.has('$SYS/broker/version')).toBe(false)
  expect(heard.has('$SYS/broker/retained messages/count')).toBe(false)
})

test('topics of the broker are in neither the journal nor the log of sessions, and no wildcard matches them', async () => {
  const session = await connect({ clientId: 'session', clean: false })
  const heard = listen(session)
  await session.subscribeAsync(['#', '+/broker/#'], { qos: 1 })
  await later()
  await session.publishAsync('a', '1', { qos: 1 })
  await vi.waitFor(() => expect(heard.size).toBe(1))
  expect(taken.map(({ kind }) => kind)).toEqual([MessageKind.start, MessageKind.connect, MessageKind.publish])
  expect(broker.stats().retained).toBe(0)
  const logs = readdirSync(join(folder, 'sessions')).map((name) =>
    readFileSync(join(folder, 'sessions', name), 'latin1'),
  )
  expect(logs.join('')).not.toContain('$SYS')
})

test("topics of aedes' own, which name clients, reach nobody", async () => {
  const client = await connect()
  const heard = listen(client)
  await client.subscribeAsync('$SYS/#')
  await (await connect({ clientId: 'another' })).subscribeAsync('a')
  await later()
  await vi.waitFor(() => expect(heard.get('$SYS/broker/clients/connected')?.text).toBe('2'))
  expect([...heard.keys()].filter((topic) => !topic.startsWith('$SYS/broker/'))).toEqual([])
})
