/** A client on a raw socket that looks at every packet it is sent. */
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Received = {
  type: string
  flags: number
  body: Buffer
}
export type Published = { topic: string; payload: string; qos: number; dup: boolean; retain: boolean; id: number }

const types = [
  'reserved',
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
]

export type Peer = {
  socket: Socket
  send(...packets: Buffer[]): void
  /** The next packet. @throws when none comes, or it is of another type. */
  expect(type: string): Promise<Received>
  expectPublish(): Promise<Published>
  expectAny(): Promise<Received>
  /** @throws when a packet comes. */
  expectNothing(forMs?: number): Promise<void>
  /** @throws when the connection stays, or another packet comes before it ends. */
  expectClosed(): Promise<void>
  /** Ends without DISCONNECT. */
  drop(): Promise<void>
}

/** `patienceMs`: how long to wait for what should come. */
export async function openPeer(port: number, patienceMs: number): Promise<Peer> {
  const socket = createConnection({ host: '127.0.0.1', port, noDelay: true })
  let rest: Buffer = Buffer.alloc(0)
  const received: Received[] = []
  let wake = () => {}
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes])
    for (let one = first(rest); one !== null; one = first(rest)) {
      received.push(one.packet)
      rest = rest.subarray(one.bytes)
    }
    wake()
  })
  // A reset is one way of being closed.
  socket.on('error', () => {})
  let isClosed = false
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  await once(socket, 'connect')

  async function next(forMs: number): Promise<Received | null> {
    for (const deadline = Date.now() + forMs; received.length === 0 && !isClosed; ) {
      const left = deadline - Date.now()
      if (left <= 0) break
      await Promise.race([
        new Promise<void>((resolve) => {
          wake = resolve
        }),
        sleep(left),
      ])
    }
    return received.shift() ?? null
  }
  const described = (it: Received | null) =>
    it === null ? (isClosed ? 'the end of the connection' : 'nothing') : `${it.type} ${it.body.toString('hex')}`

  async function expectType(type: string): Promise<Received> {
    const it = await next(patienceMs)
    if (it?.type !== type) throw new Error(`${type} expected, came ${described(it)}`)
    return it
  }
  return {
    socket,
    send: (...packets) => void socket.write(Buffer.concat(packets)),
    expect: expectType,
    async expectAny() {
      const it = await next(patienceMs)
      if (it === null) throw new Error(`a packet expected, came ${described(it)}`)
      return it
    },
    async expectPublish() {
      const { flags, body } = await expectType('publish')
      const qos = (flags >> 1) & 3
      const topicEnd = 2 + body.readUInt16BE(0)
      const start = topicEnd + (qos > 0 ? 2 : 0)
      return {
        topic: body.toString('utf8', 2, topicEnd),
        payload: body.toString('utf8', start),
        qos,
        dup: (flags & 8) !== 0,
        retain: (flags & 1) !== 0,
        id: qos > 0 ? body.readUInt16BE(topicEnd) : 0,
      }
    },
    async expectNothing(forMs = 150) {
      const it = await next(forMs)
      if (it !== null || isClosed) throw new Error(`nothing expected, came ${described(it)}`)
    },
    async expectClosed() {
      const it = await next(patienceMs)
      if (it !== null || !isClosed) throw new Error(`the end of the connection expected, came ${described(it)}`)
    },
    async drop() {
      if (isClosed) return
      socket.destroy()
      await once(socket, 'close')
    },
  }
}

/** The first whole packet of the bytes, or null. */
function first(bytes: Buffer): { packet: Received; bytes: number } | null {
  let length = 0
  for (let i = 1; i < 5; i++) {
    const it = bytes[i]
    if (it === undefined) return null
    length += (it & 127) * 128 ** (i - 1)
    if (it >= 128) continue
    const end = i + 1 + length
    if (bytes.length < end) return null
    const firstByte = bytes[0] as number
    const packet = { type: types[firstByte >> 4] as string, flags: firstByte & 15, body: bytes.subarray(i + 1, end) }
    return { packet, bytes: end }
  }
  throw new Error('a remaining length of more than four bytes')
}
