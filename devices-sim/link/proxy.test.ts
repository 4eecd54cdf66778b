import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LinkProfile } from '../profile.ts'
import { perfectLink } from './link.ts'
import { type LinkProxy, startProxy } from './proxy.ts'

let mirror: Server
let between: LinkProxy
const sockets: Socket[] = []
beforeEach(async () => {
  mirror = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(mirror, 'listening')
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await between.close()
  mirror.close()
})

async function connectThrough(profile: Partial<LinkProfile>): Promise<Socket> {
  const target = { host: '127.0.0.1', port: (mirror.address() as { port: number }).port }
  between = await startProxy({
    target,
    listen: { host: '127.0.0.1', port: 0 },
    profile: { ...perfectLink, ...profile },
    seed: 1,
  })
  return dial()
}
async function dial(): Promise<Socket> {
  const socket = createConnection(between.port, '127.0.0.1')
  socket.on('error', () => {})
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}
function hear(socket: Socket) {
  const parts: Buffer[] = []
  socket.on('data', (bytes) => parts.push(bytes))
  return () => Buffer.concat(parts)
}

test('proxy passes every byte in order, through jitter and losses', async () => {
  const socket = await connectThrough({ latencyMs: 2, jitterMs: 3 })
  const heard = hear(socket)
  const sent = Buffer.from(Array.from({ length: 2_000_000 }, (_, i) => (i * 7) % 251))
  for (let at = 0; at < sent.length; at += 100_000) socket.write(sent.subarray(at, at + 100_000))
  await vi.waitFor(() => expect(heard().length).toBe(sent.length), 20_000)
  expect(heard().equals(sent)).toBe(true)
  expect(between.stats()).toMatchObject({ connections: 1, bytesUp: sent.length, bytesDown: sent.length })
})

test('proxy that is cut breaks every connection and takes none until it is healed', async () => {
  const socket = await connectThrough({})
  between.cut()
  await once(socket, 'close')
  const refused = await dial()
  await once(refused, 'close')
  between.heal()
  const again = await dial()
  const heard = hear(again)
  again.write('hello')
  await vi.waitFor(() => expect(heard().toString()).toBe('hello'))
})

test('proxy that is frozen passes nothing and tells nobody, and loses nothing', async () => {
  const socket = await connectThrough({})
  const heard = hear(socket)
  socket.write('a')
  await vi.waitFor(() => expect(heard().toString()).toBe('a'))
  between.freeze()
  socket.write('b')
  await sleep(100)
  expect(heard().toString()).toBe('a')
  expect(socket.destroyed).toBe(false)
  between.heal()
  await vi.waitFor(() => expect(heard().toString()).toBe('ab'))
})

test('proxy ends the other side when one side ends', async () => {
  const socket = await connectThrough({ latencyMs: 5 })
  const heard = hear(socket)
  socket.end('bye')
  await once(socket, 'close')
  expect(heard().toString()).toBe('bye')
  await vi.waitFor(() => expect(between.stats().connections).toBe(0))
})

test('proxy breaks connections by outages of its link', async () => {
  const socket = await connectThrough({ outageEveryS: 0.05, outageLastsS: 0.01 })
  await once(socket, 'close')
  expect(between.stats().outages).toBe(1)
})
