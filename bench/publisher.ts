/**
 * One MQTT 3.1.1 client on a raw socket that only publishes with QoS 1. As little as the protocol allows, so that the
 * generator stays far cheaper than the broker it drives.
 */
import { once } from 'node:events'
import { connect } from 'node:net'

export type Publisher = {
  /** Messages without a PUBACK. */
  inFlight(): number
  /** Sends that many readings in one write. */
  publish(count: number): void
  close(): void
}

/** Called once for each read of the socket, with the latency of each message that it acknowledged. */
type OnAcked = (publisher: Publisher, latenciesMs: number[]) => void

/** Packet identifiers in use; a message that waits while they go round once means that the broker stands still. */
const packetIds = 8192

/** @throws Error when the broker refuses. Later failures go to onFailed. */
export async function openPublisher(
  port: number,
  device: string,
  onAcked: OnAcked,
  onFailed: (error: Error) => void,
): Promise<Publisher> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  socket.write(connectPacket(`bench-${device}`))
  const [connack] = (await once(socket, 'data')) as [Buffer]
  if (connack.length !== 4 || connack[0] !== 0x20 || connack[3] !== 0) {
    throw new Error(`${device} was refused: ${connack.toString('hex')}`)
  }

  const head = `\0\0${String.fromCharCode(0, `sensors/bench/${device}/voltage`.length)}sensors/bench/${device}/voltage\0\0`
  /** When the message with this identifier was written; 0: the identifier is free. */
  const writtenAt = new Float64Array(packetIds + 1)
  let packetId = 0
  let sequence = 0
  let inFlight = 0
  let rest = Buffer.alloc(0)

  const publisher: Publisher = {
    inFlight: () => inFlight,
    publish(count) {
      const bytes = Buffer.allocUnsafe(count * 127)
      let at = 0
      const timeMs = Date.now()
      const now = performance.now()
      for (let i = 0; i < count; i++) {
        packetId = (packetId % packetIds) + 1
        if (writtenAt[packetId] !== 0) return onFailed(new Error(`${device}: ${inFlight} messages without a PUBACK`))
        writtenAt[packetId] = now
        // The value moves from reading to reading, as a measured one does.
        const value = 3 + ((sequence * 7919) % 1000) / 1000
        const end = at + bytes.write(`${head}{"v":${value},"t":${timeMs},"seq":${sequence++}}`, at, 'latin1')
        bytes[at] = 0x32
        bytes[at + 1] = end - at - 2
        bytes.writeUInt16BE(packetId, at + head.length - 2)
        at = end
      }
      inFlight += count
      socket.write(bytes.subarray(0, at))
    },
    close: () => socket.destroy(),
  }

  socket.on('data', (given: Buffer) => {
    const bytes = rest.length === 0 ? given : Buffer.concat([rest, given])
    const now = performance.now()
    const latenciesMs: number[] = []
    let at = 0
    for (; at + 4 <= bytes.length; at += 4) {
      const id = bytes.readUInt16BE(at + 2)
      const since = writtenAt[id] ?? 0
      if (bytes[at] !== 0x40 || since === 0) return onFailed(new Error(`${device}: no PUBACK of ours at ${at}`))
      writtenAt[id] = 0
      latenciesMs.push(now - since)
    }
    rest = bytes.subarray(at) as Buffer<ArrayBuffer>
    inFlight -= latenciesMs.length
    onAcked(publisher, latenciesMs)
  })
  socket.on('error', onFailed)
  socket.on('close', () => onFailed(new Error(`${device}: the broker closed the connection`)))
  return publisher
}

/** Clean session, no keep alive: nothing but the load goes over the wire. */
function connectPacket(clientId: string): Buffer {
  const body = `\0\x04MQTT\x04\x02\0\0\0${String.fromCharCode(clientId.length)}${clientId}`
  return Buffer.from(`\x10${String.fromCharCode(body.length)}${body}`, 'latin1')
}
