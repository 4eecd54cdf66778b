/** The load against a broker of a few lines, which answers as the test wants. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { parser } from 'mqtt-packet'
import { afterEach, expect, test } from 'vitest'
import { createHistogram } from './histogram.ts'
import { keepRate, type LoadOptions, runLoad } from './load.ts'
import type { LoadConnection } from './load-connection.ts'

let server: Server
const sockets = new Set<Socket>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  server.close()
})

/** `onPublish`: what it does with the identifiers of the messages of one read. */
async function broker(onPublish: (ids: number[], socket: Socket, topic: string) => void): Promise<number> {
  server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const reading = parser()
    let ids: number[] = []
    let topic = ''
    reading.on('packet', (packet) => {
      if (packet.cmd === 'connect') socket.write(Buffer.from([0x20, 2, 0, 0]))
      if (packet.cmd === 'disconnect') socket.end()
      if (packet.cmd !== 'publish') return
      topic = packet.topic
      ids.push(packet.messageId ?? 0)
    })
    socket.on('data', (bytes) => {
      reading.parse(bytes)
      const got = ids
      ids = []
      if (got.length > 0) onPublish(got, socket, topic)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

const pubacks = (ids: number[]) => Buffer.concat(ids.map((id) => Buffer.from([0x40, 2, id >> 8, id & 0xff])))

const options = (port: number, more: Partial<LoadOptions> = {}): LoadOptions => ({
  host: '127.0.0.1',
  port,
  clientPrefix: 'load-',
  firstClient: 0,
  connections: 3,
  qos: 1,
  window: 5,
  ratePerS: 0,
  topic: 'load/{n}',
  payload: '{n}',
  durationMs: 150,
  warmUpMs: 30,
  ...more,
})

test('load counts what is acknowledged, keeps to the window, and gives each connection its topic', async () => {
  let mostUnanswered = 0
  const topics = new Set<string>()
  const unanswered = new Map<Socket, number[]>()
  const port = await broker((ids, socket, topic) => {
    topics.add(topic)
    const waiting = [...(unanswered.get(socket) ?? []), ...ids]
    mostUnanswered = Math.max(mostUnanswered, waiting.length)
    unanswered.set(socket, [])
    // Out of order, and cut within a packet.
    const answer = pubacks(waiting.toReversed())
    socket.write(answer.subarray(0, 3))
    setTimeout(() => socket.write(answer.subarray(3)), 2)
  })
  const result = await runLoad(options(port))
  expect(result).toMatchObject({ unacknowledged: 0, errors: [] })
  expect(result.acknowledged).toBeGreaterThan(20)
  expect(Math.abs(result.sent - result.acknowledged)).toBeLessThanOrEqual(15)
  const latency = createHistogram()
  latency.add(result.latency)
  expect(latency.count()).toBeGreaterThanOrEqual(result.acknowledged)
  expect(mostUnanswered).toBeGreaterThan(1)
  expect(mostUnanswered).toBeLessThanOrEqual(5)
  expect([...topics].toSorted()).toEqual(['load/0', 'load/1', 'load/2'])
})

test('load tells of connections that broke, and goes on with the others', async () => {
  let broken = 0
  const port = await broker((ids, socket) => {
    if (broken === 0) {
      broken++
      socket.destroy()
    } else socket.write(pubacks(ids))
  })
  const result = await runLoad(options(port))
  expect(result.errors).toEqual([expect.stringContaining('the broker closed the connection')])
  expect(result.unacknowledged).toBe(5)
  expect(result.acknowledged).toBeGreaterThan(10)
})

test('load ends a connection whose broker acknowledges what was not sent', async () => {
  const port = await broker((_ids, socket) => socket.write(pubacks([8000])))
  const result = await runLoad(options(port, { connections: 1 }))
  expect(result.errors).toEqual(['load-0: a PUBACK for 8000, which was not sent'])
})

test('load says that a broker refuses', async () => {
  server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('data', () => socket.write(Buffer.from([0x20, 2, 0, 5])))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await expect(runLoad(options(port, { connections: 1 }))).rejects.toThrow('load-0 was refused: 20020005')
})

test('load of QoS 0 sends without an answer', async () => {
  let got = 0
  const port = await broker((ids) => {
    got += ids.length
  })
  const result = await runLoad(options(port, { qos: 0 }))
  expect(result).toMatchObject({ acknowledged: 0, unacknowledged: 0, errors: [] })
  expect(got).toBeGreaterThanOrEqual(result.sent)
  expect(result.sent).toBeGreaterThan(100)
})

test('load at a rate sends what is due, and counts a latency from then on when it is late', () => {
  let nowMs = 1000
  let tick = () => {}
  const every = (_ms: number, run: () => void) => {
    tick = run
    return () => {}
  }
  const clock = { nowMs: () => nowMs, every }
  const inFlight = [0, 0]
  const sent: Array<[connection: number, dueAtMs: number]> = []
  const connections = inFlight.map((_, i) => ({ inFlight: () => inFlight[i] })) as LoadConnection[]
  const pace = keepRate(
    connections,
    500,
    3,
    1,
    (connection, _count, dueAtMs) => {
      const i = connections.indexOf(connection)
      inFlight[i] = (inFlight[i] as number) + 1
      sent.push([i, dueAtMs])
    },
    clock,
  )
  nowMs += 4
  tick()
  expect(sent).toEqual([
    [0, 1000],
    [1, 1002],
  ])
  // A stall: twenty are due, and the windows have room for four.
  nowMs += 40
  tick()
  expect(sent.length).toBe(6)
  expect(sent.at(-1)).toEqual([1, 1010])
  inFlight.fill(0)
  tick()
  expect(sent.length).toBe(12)
  expect(pace.stop()).toBe(10)
})
