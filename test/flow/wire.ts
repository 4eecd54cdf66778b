/**
 * MQTT 3.1.1 by hand, for what a well-behaved client would not do: stay silent, break off, or send packets that no
 * library lets through.
 */
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

export type ConnectFields = {
  clientId: string
  /** Seconds; 0 switches it off. */
  keepAliveS?: number
  clean?: boolean
  will?: { topic: string; payload: string }
  username?: string
  password?: string
}

/** A string of MQTT: two bytes of length, then UTF-8 [MQTT-1.5.3]. */
function field(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** Seven bits a byte, the lowest first [MQTT-2.2.3]. */
function remainingLength(length: number): Buffer {
  const bytes: number[] = []
  let rest = length
  do {
    const more = rest >= 128 ? 128 : 0
    bytes.push((rest % 128) | more)
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.from(bytes)
}

const packet = (firstByte: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([firstByte]), remainingLength(body.length), body])

/** The will is retained and has QoS 1, as devices set it. */
export function connectPacket({ clientId, keepAliveS = 0, clean = true, will, username, password }: ConnectFields) {
  const willFlags = will === undefined ? 0 : 0b0010_1100
  const flags = willFlags | (clean ? 2 : 0) | (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40)
  const parts = [field('MQTT'), Buffer.from([4, flags, keepAliveS >> 8, keepAliveS & 255]), field(clientId)]
  if (will !== undefined) parts.push(field(will.topic), field(will.payload))
  for (const text of [username, password]) if (text !== undefined) parts.push(field(text))
  return packet(0x10, Buffer.concat(parts))
}

/** QoS 1. */
export function publishPacket(topic: string, payload: string, messageId: number, retain = false): Buffer {
  const id = Buffer.alloc(2)
  id.writeUInt16BE(messageId)
  return packet(0x32 | (retain ? 1 : 0), Buffer.concat([field(topic), id, Buffer.from(payload)]))
}

export const disconnectPacket = Buffer.from([0xe0, 0])

export type Wire = {
  socket: Socket
  /** Everything the server sent so far. */
  received(): Buffer
  /** Resolves when that many bytes are there, or the connection has ended. */
  bytes(count: number): Promise<Buffer>
  /** Resolves when the connection is gone, from whichever side. */
  closed: Promise<unknown>
}

export async function openWire(port: number): Promise<Wire> {
  const socket = createConnection({ host: '127.0.0.1', port, noDelay: true })
  let received: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
  })
  // A reset is one way of being refused.
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  return {
    socket,
    received: () => received,
    async bytes(count) {
      while (received.length < count && !socket.destroyed) {
        await Promise.race([new Promise((resolve) => socket.once('data', resolve)), closed])
      }
      return received
    },
    closed,
  }
}

/** The return code of the CONNACK, or null when the connection ended without one. */
export async function returnCode(wire: Wire): Promise<number | null> {
  const answer = await wire.bytes(4)
  return answer[0] === 0x20 ? (answer[3] ?? null) : null
}

/** A device on a raw socket: admitted, and its birth acknowledged. */
export async function openDevice(port: number, fields: ConnectFields & { status: string }): Promise<Wire> {
  const wire = await openWire(port)
  wire.socket.write(connectPacket({ will: { topic: fields.status, payload: 'offline' }, ...fields }))
  const code = await returnCode(wire)
  if (code !== 0) throw new Error(`CONNACK ${code} for ${fields.clientId}`)
  wire.socket.write(publishPacket(fields.status, 'online', 1, true))
  // CONNACK and PUBACK have four bytes each.
  await wire.bytes(8)
  return wire
}
