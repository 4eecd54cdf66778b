import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Aedes } from 'aedes'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { decodeValue } from '../telemetry/codec/value.ts'
import { isProblem } from '../telemetry/reading.ts'
import { startDemoFleet } from './demo.ts'
import type { Fleet } from './fleet.ts'

type Taken = { topic: string; payload: string; retain: boolean }

let broker: Aedes
let server: ReturnType<typeof createServer>
let sockets: Set<Socket>
let taken: Taken[]
let fleet: Fleet | undefined

const listen = async (port = 0) => {
  server = createServer((socket) => {
    sockets.add(socket)
    broker.handle(socket)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
const stopListening = async () => {
  server.close()
  for (const socket of sockets) socket.destroy()
  await once(server, 'close')
}

beforeEach(async () => {
  broker = await Aedes.createBroker()
  sockets = new Set()
  taken = []
  broker.on('publish', ({ topic, payload, retain }) => {
    if (topic.startsWith('sensors/')) taken.push({ topic, payload: payload.toString(), retain })
  })
})
afterEach(async () => {
  await fleet?.close()
  if (server.listening) await stopListening()
  await new Promise<void>((resolve) => broker.close(() => resolve()))
})

const start = (port: number, devices = 3): Fleet => {
  fleet = startDemoFleet({ url: `mqtt://127.0.0.1:${port}`, devices, seed: 7, intervalMs: 50, site: 'test' })
  return fleet
}
const patient = { timeout: 20_000, interval: 10 }
const statuses = (device: string) =>
  taken.filter(({ topic }) => topic === `sensors/test/${device}/status`).map(({ payload }) => payload)
/** Every number of every channel has come, whatever came twice. */
function expectNoGaps(device: string): void {
  for (const channel of ['rainfall', 'pulse', 'voltage']) {
    const numbers = taken.flatMap(({ topic, payload }) => {
      const reports = topic === `sensors/test/${device}/${channel}` ? decodeValue(Buffer.from(payload)) : null
      return reports === null || isProblem(reports) ? [] : [reports[0]?.sequence as number]
    })
    expect(Math.max(...numbers) - Math.min(...numbers) + 1).toBe(new Set(numbers).size)
  }
}

test('demonstration publishes every channel of every device, and all of it is acknowledged', async () => {
  const running = start(await listen())
  await vi.waitFor(() => expect(running.stats().connected).toBe(3), patient)
  await vi.waitFor(() => expect(running.stats().acknowledged).toBeGreaterThan(60), patient)
  expect(await running.drain(10_000)).toBe(true)
  const { sent, acknowledged, dropped } = running.stats()
  expect({ acknowledged, dropped }).toEqual({ acknowledged: sent, dropped: 0 })

  const topics = new Set(taken.map(({ topic }) => topic))
  for (const device of ['rg-0001', 'rg-0002', 'rg-0003']) {
    for (const level of ['rainfall', 'pulse', 'voltage', 'status']) {
      expect(topics).toContain(`sensors/test/${device}/${level}`)
    }
    expectNoGaps(device)
  }
  expect(taken.filter(({ topic }) => !topic.endsWith('/status'))).toHaveLength(sent)
})

test('demonstration says that its devices leave when it is closed', async () => {
  const running = start(await listen())
  await vi.waitFor(() => expect(running.stats().connected).toBe(3), patient)
  await vi.waitFor(() => expect(statuses('rg-0002')).toEqual(['online']), patient)
  await running.close()
  expect(statuses('rg-0002')).toEqual(['online', 'offline'])
  expect(taken.filter(({ topic }) => topic.endsWith('/status')).every(({ retain }) => retain)).toBe(true)
})

test('demonstration leaves a will when a device is unplugged, and the device comes back when it is plugged in', async () => {
  const running = start(await listen())
  await vi.waitFor(() => expect(running.stats().connected).toBe(3), patient)
  await vi.waitFor(() => expect(statuses('rg-0002')).toEqual(['online']), patient)
  running.unplug(1)
  await vi.waitFor(() => expect(statuses('rg-0002')).toEqual(['online', 'offline']), patient)
  expect(running.stats().connected).toBe(2)
  running.plug(1)
  await vi.waitFor(() => expect(statuses('rg-0002')).toEqual(['online', 'offline', 'online']), patient)
  expect(await running.drain(10_000)).toBe(true)
  expectNoGaps('rg-0002')
  expect(statuses('rg-0001')).toEqual(['online'])
})

test('demonstration sends again what was not acknowledged when the server comes back', async () => {
  const port = await listen()
  const running = start(port)
  await vi.waitFor(() => expect(running.stats().acknowledged).toBeGreaterThan(30), patient)
  await stopListening()
  await vi.waitFor(() => expect(running.stats().waiting).toBeGreaterThan(30), patient)
  await listen(port)
  await vi.waitFor(() => expect(running.stats().connected).toBe(3), patient)
  expect(await running.drain(10_000)).toBe(true)
  for (const device of ['rg-0001', 'rg-0002', 'rg-0003']) expectNoGaps(device)
})

test('demonstration closes when the server is gone, and names the problem', async () => {
  const port = await listen()
  await stopListening()
  const running = start(port)
  await vi.waitFor(() => expect(running.stats().problem).toContain('ECONNREFUSED'), patient)
  await running.close()
  expect(running.stats()).toMatchObject({ connected: 0, sent: 0 })
})

test('demonstration closes when the server takes readings and answers nothing', async () => {
  broker.authorizePublish = () => {}
  const running = start(await listen())
  await vi.waitFor(() => expect(running.stats().sent).toBeGreaterThan(10), patient)
  expect(await running.drain(50)).toBe(false)
  await running.close()
  expect(running.stats().acknowledged).toBe(0)
})
