/**
 * `abuse-honest.js PORT ECHO_PORT`, in a process of its own, so that it waits for the broker only: devices that do all as they
 * should, at a steady rate. Half of their topics have a subscriber.
 */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, publish, subscribe } from '../test/mqtt/packets.ts'
import { open } from './abuse.ts'

/** Since it was asked last; milliseconds from when a message was due to its PUBACK. */
export type HonestTimes = {
  p50Ms: number
  p99Ms: number
  maxMs: number
  /** Of a byte to an idle process and back: what the machine is to blame for. */
  echoP99Ms: number
}
/** Of all; `heard`: messages on topics that are subscribed to. `lost`: connections that ended. */
export type HonestSums = { published: number; acked: number; heard: number; delivered: number; lost: number }

const devices = 10
const messagesPerS = 200
const lastMsMax = 10_000
const packetIds = 60_000

const [port, echoPort] = process.argv.slice(2).map(Number) as [number, number]
const topicOf = (n: number) => `sensors/honest/${n % 2 === 0 ? 'heard' : 'alone'}-${n}/temperature`
const sums: HonestSums = { published: 0, acked: 0, heard: 0, delivered: 0, lost: 0 }
let tookMs: number[] = []
/** By packet identifier: when it was due. */
const waiting = new Map<number, number>()

/** Calls take for each packet, with its place. */
function onPackets(socket: Socket, take: (bytes: Buffer, at: number) => void): void {
  let rest = Buffer.alloc(0)
  socket.on('data', (given) => {
    const bytes = Buffer.concat([rest, given])
    let at = 0
    // None of them is longer than 127 bytes.
    while (at + 2 <= bytes.length && at + 2 + (bytes[at + 1] as number) <= bytes.length) {
      take(bytes, at)
      at += 2 + (bytes[at + 1] as number)
    }
    rest = bytes.subarray(at)
  })
  socket.on('close', () => sums.lost++)
}

async function openDevice(n: number): Promise<Socket> {
  const socket = await open(port)
  onPackets(socket, (bytes, at) => {
    if (bytes[at] !== 0x40) return
    const id = bytes.readUInt16BE(at + 2)
    tookMs.push(performance.now() - (waiting.get(id) ?? Number.NaN))
    waiting.delete(id)
    sums.acked++
  })
  socket.write(connect({ id: `honest-${n}` }))
  return socket
}

const subscriber = await open(port)
onPackets(subscriber, (bytes, at) => {
  if ((bytes[at] as number) >> 4 === 3) sums.delivered++
})
const filters = Array.from({ length: devices }, (_, n): [string, number] => [topicOf(n), 0])
const heardFilters = filters.filter((_, n) => n % 2 === 0)
subscriber.write(Buffer.concat([connect({ id: 'honest-subscriber' }), subscribe(1, ...heardFilters)]))
const sockets = await Promise.all(Array.from({ length: devices }, (_, n) => openDevice(n)))
await sleep(500)

const everyMs = 1000 / messagesPerS
const echo = await open(echoPort)
/** When each byte was due that is not back yet. */
const echoing: number[] = []
let echoMs: number[] = []
echo.on('data', (bytes) => {
  for (const dueMs of echoing.splice(0, bytes.length)) echoMs.push(performance.now() - dueMs)
})

let dueAtMs = performance.now()
const timer = setInterval(() => {
  for (const now = performance.now(); dueAtMs <= now; dueAtMs += everyMs) {
    const n = sums.published++ % devices
    const id = (sums.published % packetIds) + 1
    if (n % 2 === 0) sums.heard++
    waiting.set(id, dueAtMs)
    const payload = `{"v":21.5,"t":${Date.now()},"seq":${sums.published}}`
    echoing.push(dueAtMs)
    echo.write('.')
    sockets[n]?.write(publish(topicOf(n), payload, { qos: 1, id }))
  }
}, 1)

function percentileOf(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function look(): HonestTimes {
  const [times, echoes] = [tookMs, echoMs]
  tookMs = []
  echoMs = []
  const at = (share: number) => percentileOf(times, share)
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), echoP99Ms: percentileOf(echoes, 0.99) }
}

/** Publishes no more, and waits for what is on its way. */
async function finish(): Promise<HonestSums> {
  clearInterval(timer)
  for (const giveUpAtMs = performance.now() + lastMsMax; performance.now() < giveUpAtMs; await sleep(20)) {
    if (sums.acked === sums.published && sums.delivered === sums.heard) break
  }
  return sums
}

process.on('message', async (order) => process.send?.(order === 'look' ? look() : await finish()))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
