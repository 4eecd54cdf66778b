import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LinkProxy, startProxy } from './proxy.ts'

let echo: Server
let proxy: LinkProxy
let heard: string
/** Ends of the server that stand open. */
let open: Set<Socket>
const clients: Socket[] = []

beforeEach(async () => {
  heard = ''
  open = new Set()
  echo = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', (bytes) => {
      heard += bytes
      socket.write(bytes)
    })
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await startProxy((echo.address() as AddressInfo).port)
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await proxy.close()
  echo.close()
})

async function client(): Promise<{ socket: Socket; answers(): string; isClosed(): boolean }> {
  const socket = connect(proxy.port, '127.0.0.1')
  clients.push(socket)
  let answers = ''
  let isClosed = false
  socket.on('data', (bytes) => {
    answers += bytes
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  await once(socket, 'connect')
  return { socket, answers: () => answers, isClosed: () => isClosed }
}

test('proxy passes everything on in its order when it is slow', async () => {
  const { socket, answers } = await client()
  proxy.slow(20)
  const text = Array.from({ length: 2_000 }, (_, i) => `${i};`).join('')
  for (let i = 0; i < text.length; i += 1_000) socket.write(text.slice(i, i + 1_000))
  await expect.poll(answers, { timeout: 10_000 }).toBe(text)
})

test('proxy breaks connections, old and new, when it is cut, and takes new ones when it is healed', async () => {
  const old = await client()
  proxy.cut()
  await expect.poll(old.isClosed).toBe(true)
  const during = await client()
  await expect.poll(during.isClosed).toBe(true)
  await expect.poll(() => open.size).toBe(0)
  proxy.heal()
  const after = await client()
  after.socket.write('again')
  await expect.poll(after.answers).toBe('again')
})

test('proxy lets nothing through and tells neither end when it is frozen, and breaks the client alone when it is healed', async () => {
  const old = await client()
  old.socket.write('before;')
  await expect.poll(old.answers).toBe('before;')
  proxy.freeze()
  old.socket.write('gone;')
  const during = await client()
  during.socket.write('gone too;')
  await sleep(100)
  expect([old.isClosed(), during.isClosed(), open.size]).toEqual([false, false, 1])
  proxy.heal()
  await expect.poll(() => [old.isClosed(), during.isClosed()]).toEqual([true, true])
  const after = await client()
  after.socket.write('after;')
  await expect.poll(after.answers).toBe('after;')
  expect(heard).toBe('before;after;')
  expect(open.size).toBe(2)
})
