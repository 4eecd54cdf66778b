import { connect as connectSocket, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { deferred } from '../telemetry/deferred.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { FatalError } from '../telemetry/errors.ts'
import type { PacketEntrance } from '../telemetry/message.ts'
import { type Broker, createBroker } from './broker.ts'

const patient = { timeout: 10_000, interval: 20 }
let broker: Broker
let clients: MqttClient[]
let counters = createCounters()
/** What took the short way. */
let short: number
/** What the journal waits for; null: nothing. */
let gate: ReturnType<typeof deferred> | null
let told: Array<Parameters<PacketEntrance['onSettled']>[0]>

beforeEach(async () => {
  clients = []
  told = []
  short = 0
  gate = null
  counters = createCounters()
  broker = await createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials: null,
    statusTopic: 'sensors/{site}/{device}/status',
    accept: () => Promise.resolve(gate?.promise),
    packets: {
      append() {
        const end = ++short
        const settle = (durable: number, error: Error | null) => {
          for (const it of told) it(durable, error)
        }
        Promise.resolve(gate?.promise).then(
          () => settle(end, null),
          (error) => settle(end - 1, error),
        )
        return end
      },
      onSettled: (it) => told.push(it),
      unsynced: () => 0,
    },
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log: pino({ level: 'silent' }),
  })
})
afterEach(async () => {
  gate?.resolve()
  for (const client of clients) client.end(true)
  await broker.close()
})

const port = () => broker.addresses[0]?.port as number
async function connect(options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port()}`, {
    reconnectPeriod: 0,
    keepalive: 0,
    ...options,
  })
  clients.push(client)
  return client
}
function listen(client: MqttClient): string[] {
  const heard: string[] = []
  client.on('message', (topic, payload, { qos, dup, retain }) =>
    heard.push(`${topic} ${payload} ${qos}${dup ? ' dup' : ''}${retain ? ' retained' : ''}`),
  )
  return heard
}
/** The first message of a topic takes the long way, until it is known who listens. */
async function known(topic: string): Promise<void> {
  await (await connect()).publishAsync(topic, 'first', { qos: 1 })
  await sleep(20)
}
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('reading that only onlookers hear takes the short way, and comes to each of them once, with QoS 0', async () => {
  const [panel, other, elsewhere] = [await connect(), await connect(), await connect()]
  const [heard, alsoHeard, notHeard] = [listen(panel), listen(other), listen(elsewhere)]
  await panel.subscribeAsync(['#', 'a/+', 'a/b'])
  await other.subscribeAsync('a/#')
  await elsewhere.subscribeAsync('b/#')
  await known('a/b')
  await known('a/ä')
  const gauge = await connect()
  await gauge.publishAsync('a/b', '1', { qos: 1 })
  await gauge.publishAsync('a/b', 'x'.repeat(3_000), { qos: 1 })
  await gauge.publishAsync('a/ä', '', { qos: 0 })
  await vi.waitFor(() => expect(heard).toHaveLength(5), patient)
  expect(heard).toEqual(['a/b first 0', 'a/ä first 0', 'a/b 1 0', `a/b ${'x'.repeat(3_000)} 0`, 'a/ä  0'])
  expect(alsoHeard).toEqual(heard)
  expect(notHeard).toEqual([])
  expect(short).toBe(3)
  expect(counters.mqtt.sent.publishes).toBe(10)
})

test('onlooker hears nothing before the journal has it, and never what the journal refused', async () => {
  const panel = await connect()
  const heard = listen(panel)
  await known('a/b')
  await panel.subscribeAsync('#')
  const gauge = await connect()
  gauge.on('error', () => {})
  await gauge.publishAsync('a/b', '0', { qos: 1 })
  gate = deferred()
  gauge.publish('a/b', '1', { qos: 1 })
  await vi.waitFor(() => expect(short).toBe(2), patient)
  await sleep(50)
  expect(heard).toEqual(['a/b 0 0'])
  gate.reject(new FatalError('the disk is gone'))
  await vi.waitFor(() => expect(gauge.connected).toBe(false), patient)
  gate = null
  await (await connect()).publishAsync('a/b', '2', { qos: 1 })
  await vi.waitFor(() => expect(heard).toEqual(['a/b 0 0', 'a/b 2 0']), patient)
})

test.each([0, 1] as const)(
  'onlooker hears the messages of a client in their order, whichever way each takes, QoS %i',
  async (qos) => {
    const panel = await connect()
    const heard = listen(panel)
    await panel.subscribeAsync('a/#')
    const gauge = await connect()
    const all: Promise<unknown>[] = []
    for (const i of numbers(0, 300)) {
      // Retained ones take the long way, and those that come in parts.
      const filling = i % 5 === 1 ? ` ${'x'.repeat(20_000)}` : ''
      all.push(gauge.publishAsync('a/b', `${i}${filling}`, { qos, retain: qos === 1 && i % 7 === 3 }))
      if (i % 50 === 0) await sleep(5)
    }
    await Promise.all(all)
    await vi.waitFor(() => expect(heard).toHaveLength(300), patient)
    expect(heard.map((it) => Number(it.split(' ')[1]))).toEqual(numbers(0, 300))
    expect(short).toBeGreaterThan(0)
  },
)

test('reading that somebody hears with more than QoS 0 takes the long way to all, and comes to nobody twice', async () => {
  const panel = await connect()
  const heard = listen(panel)
  await panel.subscribeAsync({ '#': { qos: 0 }, 'a/b': { qos: 1 } })
  for (const topic of ['a/b', 'a/c']) await known(topic)
  heard.length = 0
  const gauge = await connect()
  await gauge.publishAsync('a/b', '1', { qos: 1 })
  expect(short).toBe(0)
  // Its PUBACK comes a moment before aedes is done with it.
  await sleep(20)
  await gauge.publishAsync('a/c', '2', { qos: 1 })
  expect(short).toBe(1)
  const other = await connect()
  await other.subscribeAsync('a/c', { qos: 1 })
  await gauge.publishAsync('a/c', '3', { qos: 1 })
  expect(short).toBe(1)
  await vi.waitFor(() => expect(heard).toEqual(['a/b 1 1', 'a/c 2 0', 'a/c 3 0']), patient)
  await other.endAsync()
  await panel.unsubscribeAsync('#')
  await known('a/d')
  await gauge.publishAsync('a/d', '4', { qos: 1 })
  expect(short).toBe(2)
  expect(heard).toHaveLength(3)
})

test('topics of the broker, which begin with $, come to no onlooker of #', async () => {
  const panel = await connect()
  const heard = listen(panel)
  await panel.subscribeAsync(['#', '+/+'])
  await (await connect()).publishAsync('a/b', '1', { qos: 1 })
  await vi.waitFor(() => expect(heard).toEqual(['a/b 1 0']), patient)
})

test('onlooker that does not read is sent no more than the limit, and nobody else waits', async () => {
  await known('a/b')
  const frozen = await freeze('#')
  const panel = await connect()
  const heard = listen(panel)
  await panel.subscribeAsync('#')
  const gauge = await connect()
  const payload = Buffer.alloc(1_000)
  const count = 15_000
  for (let i = 0; i < count; i += 500) {
    await Promise.all(numbers(0, 500).map(() => gauge.publishAsync('a/b', payload, { qos: 1 })))
  }
  await vi.waitFor(() => expect(heard).toHaveLength(count), patient)
  expect(counters.subscriberDropped).toBeGreaterThan(0)
  expect(counters.subscriberDropped).toBeLessThan(count)
  expect(short).toBeGreaterThan(count / 2)
  frozen.destroy()
  await gauge.publishAsync('a/b', 'on', { qos: 1 })
  await vi.waitFor(() => expect(heard.at(-1)).toBe('a/b on 0'), patient)
})

/** A client that subscribes and then reads nothing. */
async function freeze(filter: string): Promise<Socket> {
  const socket = connectSocket(port(), '127.0.0.1')
  const subscribe = [0x82, 5 + filter.length, 0, 1, 0, filter.length, ...Buffer.from(filter), 0]
  socket.write(Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1, 0x66, ...subscribe]))
  await vi.waitFor(() => expect(counters.subscriptionsLive).toBe(1), patient)
  socket.pause()
  return socket
}
