/** Real sockets against aedes. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { Aedes } from 'aedes'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ConnectionEvents, Transport } from '../transport.ts'
import { createSocketTransport } from './socket-transport.ts'

let broker: Aedes
let server: Server
let url: string
let transport: Transport
const published: Array<[client: string, topic: string, payload: string]> = []

beforeEach(async () => {
  published.length = 0
  broker = await Aedes.createBroker()
  broker.on('publish', (packet, client) => {
    if (client !== null) published.push([client.id, packet.topic, packet.payload.toString()])
  })
  server = createServer(broker.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`
})
afterEach(async () => {
  await transport.close()
  await new Promise<void>((resolve) => broker.close(() => resolve()))
  server.close()
})

type Heard = { isUp: boolean; acknowledged: number[]; closed: string[]; events: ConnectionEvents }
function listen(): Heard {
  const heard: Heard = {
    isUp: false,
    acknowledged: [],
    closed: [],
    events: {
      connected: () => {
        heard.isUp = true
      },
      acknowledged: (id) => heard.acknowledged.push(id),
      message() {},
      ponged() {},
      closed: (why) => heard.closed.push(why),
    },
  }
  return heard
}

const options = (clientId: string) => ({ clientId, keepAliveS: 0, clean: true })
const publish = (topic: string, packetId: number) => ({
  topic,
  payload: Buffer.from(`${topic} ${packetId}`),
  qos: 1 as const,
  retain: false,
  dup: false,
  packetId,
})

test('socket transport gives each device a connection of its own, and answers each publish', async () => {
  transport = createSocketTransport({ url, connections: null })
  const devices = Array.from({ length: 450 }, (_, i) => {
    const heard = listen()
    return { heard, connection: transport.open(options(`d${i}`), heard.events) }
  })
  await vi.waitFor(() => expect(devices.filter(({ heard }) => heard.isUp).length).toBe(450), 10_000)
  for (const [i, { connection }] of devices.entries()) connection.publish(publish(`t/${i}`, 7))
  await vi.waitFor(() => expect(devices.every(({ heard }) => heard.acknowledged[0] === 7)).toBe(true), 10_000)
  expect(new Set(published.map(([client]) => client)).size).toBe(450)
  devices[0]?.connection.end()
  devices[1]?.connection.drop()
  await vi.waitFor(() => expect(broker.connectedClients).toBe(448), 5000)
  expect(devices[0]?.heard.closed).toEqual(['ended'])
  expect(devices[1]?.heard.closed).toEqual([])
})

test('shared transport carries many devices on few connections, and gives each its own packet identifiers back', async () => {
  transport = createSocketTransport({ url, connections: 3 })
  const devices = Array.from({ length: 100 }, (_, i) => {
    const heard = listen()
    return { heard, connection: transport.open(options(`d${i}`), heard.events) }
  })
  await vi.waitFor(() => expect(devices.every(({ heard }) => heard.isUp)).toBe(true), 5000)
  expect(broker.connectedClients).toBe(3)
  for (const [i, { connection }] of devices.entries()) {
    for (const id of [5, 6, 7]) connection.publish(publish(`t/${i}`, id))
  }
  await vi.waitFor(() => expect(devices.every(({ heard }) => heard.acknowledged.length === 3)).toBe(true), 5000)
  for (const { heard } of devices) expect(heard.acknowledged.toSorted()).toEqual([5, 6, 7])
  expect(new Set(published.map(([, , payload]) => payload)).size).toBe(300)
  devices[0]?.connection.end()
  await vi.waitFor(() => expect(devices[0]?.heard.closed).toEqual(['ended']))
  expect(broker.connectedClients).toBe(3)
})

test('shared connection that breaks breaks for all whom it carries, and who comes again finds another', async () => {
  transport = createSocketTransport({ url, connections: 1 })
  const first = [listen(), listen()]
  for (const [i, { events }] of first.entries()) transport.open(options(`d${i}`), events)
  await vi.waitFor(() => expect(first.every(({ isUp }) => isUp)).toBe(true), 5000)
  for (const client of Object.values((broker as unknown as { clients: Record<string, { close(): void }> }).clients))
    client.close()
  await vi.waitFor(() => expect(first.map(({ closed }) => closed)).toEqual([['lost'], ['lost']]), 5000)
  const again = listen()
  const connection = transport.open(options('d0'), again.events)
  await vi.waitFor(() => expect(again.isUp).toBe(true), 5000)
  connection.publish(publish('t', 9))
  await vi.waitFor(() => expect(again.acknowledged).toEqual([9]), 5000)
})

test('socket transport says that nobody listens', async () => {
  transport = createSocketTransport({ url: 'mqtt://127.0.0.1:1', connections: null })
  const heard = listen()
  transport.open(options('d'), heard.events)
  await vi.waitFor(() => expect(heard.closed).toEqual(['refused']), 5000)
})
