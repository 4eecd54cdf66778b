/** A hostile network against one broker: broken packets, slow and greedy clients, and one honest client that is timed. */
import { createConnection, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom, type Random } from '../devices-sim/random.ts'
import {
  byte,
  connect,
  disconnect,
  packet,
  pingreq,
  publish,
  pubrel,
  remainingLength,
  subscribe,
  unsubscribe,
} from '../test/mqtt/packets.ts'

export type AbuseOptions = {
  port: number
  /** Connections that send broken packets. */
  connections: number
  seed: number
  onProgress?: (done: number) => void
}
export type AbuseResult = {
  /** Time from PUBLISH to PUBACK of the honest client, milliseconds. */
  calmP99Ms: number
  abusedP99Ms: number
  published: number
  /** Of its readings, those that came to its subscriber. */
  delivered: number
}

const parallel = 50
const honestTopic = 'sensors/honest/device/temperature'

export async function abuse({ port, connections, seed, onProgress }: AbuseOptions): Promise<AbuseResult> {
  const honest = await createHonest(port)
  for (let i = 0; i < 200; i++) await honest.publish()
  const calmP99Ms = honest.p99()
  const sockets = await Promise.all([
    ...Array.from({ length: 200 }, () => slowLoris(port)),
    ...Array.from({ length: 50 }, () => giant(port)),
    ...Array.from({ length: 10 }, (_, n) => flood(port, n)),
    frozen(port, 0),
  ])
  let isOver = false
  const publishing = (async () => {
    while (!isOver) {
      await honest.publish()
      await sleep(2)
    }
  })()
  await fuzz(port, connections, createRandom(seed), onProgress)
  // Long enough for a percentile, however few connections there were.
  await sleep(500)
  isOver = true
  await publishing
  const abusedP99Ms = honest.p99()
  await sleep(200)
  for (const socket of sockets) socket.destroy()
  const { published, delivered } = honest.counts()
  honest.close()
  return { calmP99Ms, abusedP99Ms, published, delivered }
}

/** Publishes, waits for the PUBACK, and counts what a second connection of it receives. */
async function createHonest(port: number) {
  const [publisher, subscriber] = [await open(port), await open(port)]
  publisher.write(connect({ id: 'honest-publisher' }))
  subscriber.write(Buffer.concat([connect({ id: 'honest-subscriber' }), subscribe(1, [honestTopic, 0])]))
  await Promise.all([arrives(publisher, 4), arrives(subscriber, 9)])
  const reading = (id: number) => publish(honestTopic, '21.5', { qos: 1, id })
  const bytesOfOne = publish(honestTopic, '21.5').length
  let times: number[] = []
  let published = 0
  let receivedBytes = 0
  subscriber.on('data', (bytes) => {
    receivedBytes += bytes.length
  })
  return {
    async publish() {
      const begun = performance.now()
      publisher.write(reading((published++ % 60_000) + 1))
      await arrives(publisher, 4)
      times.push(performance.now() - begun)
    },
    /** Of what was published since it was asked last. */
    p99() {
      const sorted = times.sort((a, b) => a - b)
      times = []
      return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
    },
    counts: () => ({ published, delivered: receivedBytes / bytesOfOne }),
    close() {
      publisher.destroy()
      subscriber.destroy()
    },
  }
}

/** @returns when all have said what they had to say */
export async function fuzz(
  port: number,
  count: number,
  random: Random,
  onProgress?: (done: number) => void,
): Promise<void> {
  let begun = 0
  async function one(): Promise<void> {
    while (begun < count) {
      const number = begun++
      if (number > 0 && number % 10_000 === 0) onProgress?.(number)
      const socket = await open(port).catch(() => null)
      // The broker may be at its limit of connections.
      if (socket === null) continue
      socket.on('data', () => {})
      socket.write(hostile(random, number))
      const isClosed = new Promise((resolve) => socket.once('close', resolve))
      if (random.below(4) === 0) socket.end()
      await Promise.race([isClosed, sleep(20)])
      if (random.below(2) === 0) socket.resetAndDestroy()
      else socket.destroy()
    }
  }
  await Promise.all(Array.from({ length: parallel }, one))
}

/** What a client might say, with some of it turned over, cut off, doubled or made up. */
function hostile(random: Random, number: number): Buffer {
  const id = `hostile-${random.below(500)}`
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => random.below(256)))
  const topic = () =>
    ['a', 'a/b', '#', '+/x', '$SYS/x', 'bulk', '\0', honestTopic.slice(0, -1)][random.below(8)] as string
  const packets = [
    publish(topic(), noise(random.below(300)), {
      qos: random.below(4),
      id: random.below(3),
      retain: random.below(8) === 0,
    }),
    subscribe(random.below(3), [topic(), random.below(4)], [topic(), 1]),
    unsubscribe(random.below(3), topic()),
    pubrel(random.below(3)),
    packet((4 + random.below(4)) * 16, byte(0, random.below(5))),
    connect({ id }),
    pingreq,
    disconnect,
    packet(random.below(256), noise(random.below(60))),
  ]
  const said = [
    connect({
      id,
      clean: random.below(4) > 0,
      ...(random.below(3) === 0 && { will: { topic: topic(), payload: 'w' } }),
    }),
    ...Array.from({ length: random.below(6) }, () => packets[random.below(packets.length)] as Buffer),
  ]
  if (number % 10 === 0) return noise(1 + random.below(500))
  const bytes = Buffer.concat(said)
  const changes = random.below(5)
  for (let i = 0; i < changes; i++) bytes[random.below(bytes.length)] = random.below(256)
  return random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes
}

/** A connection that says its CONNECT a byte at a time. */
export async function slowLoris(port: number): Promise<Socket> {
  const socket = await open(port)
  const bytes = connect({ id: 'x'.repeat(100) })
  let at = 0
  const timer = setInterval(() => {
    if (!socket.writable) clearInterval(timer)
    else socket.write(bytes.subarray(at, ++at))
  }, 500)
  socket.once('close', () => clearInterval(timer))
  return socket
}

/** A CONNECT that announces 256 MB and sends of it what is taken. */
export async function giant(port: number): Promise<Socket> {
  const socket = await open(port)
  const chunk = Buffer.alloc(1024 * 1024)
  socket.write(Buffer.concat([byte(0x10), remainingLength(268_435_455)]))
  for (let i = 0; i < 4; i++) socket.write(chunk)
  return socket
}

/** A client that subscribes to all it can think of. */
export async function flood(port: number, n: number): Promise<Socket> {
  const socket = await open(port)
  socket.write(connect({ id: `flood-${n}` }))
  for (let i = 0; i < 50; i++) {
    const filters = Array.from({ length: 100 }, (_, k): [string, number] => [`flood/${n}/${i}/${k}/+`, 1])
    socket.write(subscribe(i + 1, ...filters))
  }
  socket.resume()
  return socket
}

/** A subscriber of everything that reads nothing, and a client that keeps it busy. */
export async function frozen(port: number, n: number): Promise<Socket> {
  const [subscriber, busy] = [await open(port), await open(port)]
  subscriber.write(Buffer.concat([connect({ id: `frozen-${n}` }), subscribe(1, ['#', 0])]))
  subscriber.pause()
  busy.write(connect({ id: `busy-${n}` }))
  const bulk = publish('bulk', Buffer.alloc(10_000))
  const timer = setInterval(() => {
    if (busy.writable && busy.writableLength === 0) for (let i = 0; i < 5; i++) busy.write(bulk)
  }, 20)
  // Its end is not seen while nothing is read; what it is written to is ended by the broker.
  subscriber.once('close', () => {
    clearInterval(timer)
    busy.destroy()
  })
  return subscriber
}

export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port, noDelay: true })
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
    socket.on('error', () => {})
  })
}

/** Resolves when so many bytes came. @throws when the connection ends before. */
function arrives(socket: Socket, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = bytes
    const ended = () => reject(new Error('the broker closed an honest connection'))
    const came = (part: Buffer) => {
      left -= part.length
      if (left > 0) return
      socket.off('data', came)
      socket.off('close', ended)
      resolve()
    }
    socket.on('data', came)
    socket.once('close', ended)
  })
}
