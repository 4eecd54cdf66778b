import { connect as connectSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import pino from 'pino'
import { afterEach, expect, test, vi } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { limits } from '../telemetry/limits.ts'
import { type AccessLogConfig, createAccessLog } from './access-log.ts'
import type { AedesClient } from './aedes-internals.ts'
import { type Broker, createBroker } from './broker.ts'
import { createShortWay } from './short-way.fake.ts'

const patient = { timeout: 10_000, interval: 50 }
let broker: Broker | null = null
let lines: string[] = []
let shortWay = 0
let clients: MqttClient[] = []
let counters = createCounters()
const log = () => pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) })
afterEach(async () => {
  for (const client of clients) client.end(true)
  await broker?.close()
  broker = null
  clients = []
})

async function open(accessLog?: AccessLogConfig): Promise<void> {
  lines = []
  shortWay = 0
  counters = createCounters()
  broker = await createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials: { username: 'fleet', password: 'Geheim!' },
    ...(accessLog && { accessLog }),
    statusTopic: 'sensors/{site}/{device}/status',
    accept: async () => {},
    packets: createShortWay(() => void shortWay++),
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log: log(),
  })
}
const port = () => broker?.addresses[0]?.port as number
async function connect(options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port()}`, {
    username: 'fleet',
    password: 'Geheim!',
    reconnectPeriod: 0,
    keepalive: 0,
    ...options,
  })
  clients.push(client)
  return client
}
const told = () => lines.map((line) => JSON.parse(line)).filter(({ access }) => access !== undefined)
const toldOf = (client: string) => told().filter((line) => line.client === client)

/** Connects, subscribes, publishes and leaves. */
async function live(clientId: string): Promise<void> {
  const client = await connect({ clientId })
  await client.subscribeAsync('commands/x', { qos: 1 })
  for (let i = 0; i < 4; i++) await client.publishAsync('a/b', 'four', { qos: 1 })
  await client.publishAsync('commands/x', 'two', { qos: 0 })
  await client.unsubscribeAsync('commands/x')
  const before = lines.length
  await client.endAsync()
  await vi.waitFor(() => expect(lines.length + Number(toldOf(clientId).length === 0)).toBeGreaterThan(before))
}

test('access log tells nothing of anybody when the configuration does not ask for it', async () => {
  await open()
  await live('gauge')
  expect(told()).toEqual([])
  expect(shortWay).toBeGreaterThan(0)
})

test('access log tells the whole story of a client, and nothing that is secret', async () => {
  await open({ connects: 0, publishes: 1 })
  const will = { topic: 'sensors/h/gauge/status', payload: Buffer.from('Geheim!'), qos: 0 as const, retain: true }
  const gauge = await connect({ clientId: 'gauge', keepalive: 60, will })
  await gauge.subscribeAsync({ 'commands/x': { qos: 1 }, y: { qos: 0 } })
  await gauge.publishAsync('a/b', 'Geheim!', { qos: 1 })
  await gauge.publishAsync('a/b', 'Geheim!', { qos: 2, retain: true })
  await gauge.publishAsync('commands/x', '', { qos: 0 })
  await vi.waitFor(() => expect(toldOf('gauge')).toHaveLength(5))
  await gauge.unsubscribeAsync('y')
  gauge.stream.destroy()
  await vi.waitFor(() => expect(toldOf('gauge')).toHaveLength(8))
  const who = { level: 30, client: 'gauge', account: 'shared' }
  const line = (access: string, details: object) => ({ ...who, access, msg: access, ...details })
  const [first, ...rest] = toldOf('gauge')
  expect(first).toEqual(
    line('connect', { address: '127.0.0.1', keepAliveS: 60, clean: true, will: 'sensors/h/gauge/status' }),
  )
  const last = rest.filter(({ access }) => access === 'disconnect')[0]
  expect(rest.filter((it) => it !== last)).toEqual([
    line('subscribe', {
      filters: [
        { filter: 'commands/x', qos: 1 },
        { filter: 'y', qos: 0 },
      ],
    }),
    line('publish', { topic: 'a/b', qos: 1, bytes: 7 }),
    line('publish', { topic: 'a/b', qos: 2, bytes: 7, retain: true }),
    line('publish', { topic: 'commands/x', qos: 0, bytes: 0 }),
    line('unsubscribe', { filters: ['y'] }),
    line('will', { topic: 'sensors/h/gauge/status', qos: 0, bytes: 7, retain: true }),
  ])
  const { seconds } = last
  expect(last).toEqual(
    line('disconnect', { reason: 'closed', seconds, published: 3, publishedBytes: 14, delivered: 1 }),
  )
  expect(seconds).toBeLessThan(30)
  expect(lines.join('')).not.toContain('Geheim')
})

test('connects alone are told with what was published, which takes the short way all the same', async () => {
  await open({ connects: 1, publishes: 0 })
  await live('gauge')
  expect(toldOf('gauge').map(({ access }) => access)).toEqual(['connect', 'subscribe', 'unsubscribe', 'disconnect'])
  expect(toldOf('gauge').at(-1)).toMatchObject({ reason: 'client', published: 5, publishedBytes: 19, delivered: 1 })
  expect(shortWay).toBeGreaterThan(0)
})

test('denied subscription is told with 128, and why we ended a connection is told', async () => {
  await open({ connects: 1, publishes: 0 })
  const gauge = await connect({ clientId: 'gauge' })
  gauge.on('error', () => {})
  await gauge
    .subscribeAsync(
      Array(limits.filterLevelsMax + 1)
        .fill('a')
        .join('/'),
    )
    .catch(() => {})
  const filters = told()[1].filters
  expect(filters).toMatchObject([{ qos: 128 }])
  gauge.publish('a\0b', 'x')
  await vi.waitFor(() => expect(toldOf('gauge').at(-1)).toMatchObject({ access: 'disconnect', reason: 'closed' }))
  expect(toldOf('gauge').at(-1).detail).toEqual(expect.any(String))
})

test('sample is of clients, always the same ones, as large as was asked for, and the smaller one lies in the larger', () => {
  const follow = (config: AccessLogConfig) => {
    const { admitted, follows } = createAccessLog(config, createCounters(), pino({ level: 'silent' }))
    const found: string[] = []
    for (let i = 0; i < 20_000; i++) {
      const client = { id: `gauge-${i}` } as AedesClient
      admitted(client as never, i, { account: 'shared', address: '::1', keepAliveS: 0, clean: true })
      if (follows(client)) found.push(client.id)
    }
    return found
  }
  const some = follow({ connects: 0, publishes: 0.1 })
  expect(some.length).toBeGreaterThan(1_850)
  expect(some.length).toBeLessThan(2_150)
  expect(follow({ connects: 1, publishes: 0.1 })).toEqual(some)
  const few = follow({ connects: 0, publishes: 0.01 })
  expect(few.length).toBeGreaterThan(130)
  expect(few.filter((it) => !some.includes(it))).toEqual([])
})

test('names and topics that are hostile make one line each, of bounded length, that no terminal obeys', async () => {
  await open({ connects: 1, publishes: 1 })
  const hostile = 'a"\n{"access":"connect"}\r\u001b[2J\u009b31m\u202egnp.exe'
  const gauge = await connect({ clientId: hostile })
  await gauge.publishAsync(`${hostile}/${'x'.repeat(900)}`, '1', { qos: 1 })
  await gauge.subscribeAsync(Array.from({ length: 500 }, (_, i) => `${hostile}/${i}`))
  await gauge.endAsync()
  await vi.waitFor(() => expect(told().at(-1)).toMatchObject({ access: 'disconnect' }))
  for (const line of lines) {
    expect(line.length).toBeLessThan(8_000)
    expect(line.trimEnd()).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
  }
  expect(new Set(told().map(({ client }) => client)).size).toBe(1)
  const subscribe = told().find(({ access }) => access === 'subscribe')
  expect(subscribe.filters).toHaveLength(limits.logFiltersMax)
  expect(subscribe.of).toBe(500)
})

test('lines beyond the limit are left out, and counted', async () => {
  await open({ connects: 1, publishes: 1 })
  const flood = connectSocket(port(), '127.0.0.1')
  flood.on('error', () => {})
  const id = Buffer.from('\u0000\u0005flood\u0000\u0005fleet\u0000\u0007Geheim!', 'latin1')
  const header = Buffer.from('\u0000\u0004MQTT\u0004\u00c2\u0000\u0000', 'latin1')
  flood.write(Buffer.concat([Buffer.from([0x10, header.length + id.length]), header, id]))
  const one = Buffer.from([0x30, 5, 0, 1, 0x61, 0x31, 0x32])
  flood.write(Buffer.concat(Array(5 * limits.accessLogLinesPerS).fill(one)))
  const publishes = () => told().filter(({ access }) => access === 'publish').length
  const all = 5 * limits.accessLogLinesPerS
  await vi.waitFor(() => expect(publishes() + counters.accessLogLeftOut).toBe(all), patient)
  flood.destroy()
  await sleep(1_100)
  await connect({ clientId: 'later' })
  expect(counters.accessLogLeftOut).toBeGreaterThan(0)
  const leftOut = told().reduce((sum, line) => sum + (line.leftOut ?? 0), 0)
  expect(leftOut).toBe(counters.accessLogLeftOut)
})
