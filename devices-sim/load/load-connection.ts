/**
 * One MQTT 3.1.1 client on a raw socket that only publishes. As little as the protocol allows, and nothing made for a single
 * message, so that the tool stays far cheaper than the broker that it drives.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Histogram } from './histogram.ts'
import type { PublishTemplate } from './template.ts'

export type LoadConnectionOptions = {
  host: string
  port: number
  clientId: string
  username?: string
  password?: string
  template: PublishTemplate
  qos: 0 | 1
  /** Takes the latency of each message that was acknowledged. */
  latencies: Histogram
  /** Called once for each read of the socket, with how many messages it acknowledged. */
  onAcknowledged: (connection: LoadConnection, count: number) => void
  /** QoS 0: what was written has left this process. */
  onDrained: (connection: LoadConnection) => void
  /** Once: it broke, or the broker said what it must not. */
  onFailed: (connection: LoadConnection, error: Error) => void
}

export type LoadConnection = {
  /** Messages without a PUBACK. */
  inFlight(): number
  /** Bytes that wait in this process. */
  waiting(): number
  /** Writes so many messages at once; latency counts from `dueAtMs` of performance.now(). */
  publish(count: number, dueAtMs: number): void
  /** DISCONNECT, and resolves when all bytes have left and the broker has closed, or after a second. */
  end(): Promise<void>
}

/** As many as a window may be: far below the 65,535 of a connection. */
export const windowMax = 8192
const endMsMax = 1000
const connackMsMax = 10_000

/** @throws Error when the broker does not answer, or refuses. */
export async function openLoadConnection(options: LoadConnectionOptions): Promise<LoadConnection> {
  const { host, port, clientId, template, qos, latencies } = options
  const socket = connect({ host, port, noDelay: true })
  await once(socket, 'connect')
  socket.write(connectPacket(options))
  const [connack] = (await once(socket, 'data', { signal: AbortSignal.timeout(connackMsMax) })) as [Buffer]
  if (connack.length !== 4 || connack[0] !== 0x20 || connack[3] !== 0) {
    socket.destroy()
    throw new Error(`${clientId} was refused: ${connack.toString('hex')}`)
  }

  /** When the message with this identifier was due; -1: the identifier is free. */
  const dueAt = new Float64Array(windowMax + 1).fill(-1)
  let packetId = 0
  let n = 0
  let inFlight = 0
  let rest = Buffer.alloc(0)
  let hasEnded = false

  function fail(error: Error): void {
    if (hasEnded) return
    hasEnded = true
    socket.destroy()
    options.onFailed(connection, error)
  }

  const connection: LoadConnection = {
    inFlight: () => inFlight,
    waiting: () => socket.writableLength,
    publish(count, dueAtMs) {
      if (hasEnded) return
      const bytes = Buffer.allocUnsafe(count * template.bytes)
      const nowMs = Date.now()
      let at = 0
      for (let i = 0; i < count; i++) {
        if (qos === 1) {
          packetId = (packetId % windowMax) + 1
          if (dueAt[packetId] !== -1) return fail(new Error(`${clientId}: ${inFlight} messages without a PUBACK`))
          dueAt[packetId] = dueAtMs
        }
        at = template.write(bytes, at, packetId, n++, nowMs)
      }
      if (qos === 1) inFlight += count
      socket.write(bytes)
    },
    async end() {
      if (hasEnded) return
      hasEnded = true
      const closed = once(socket, 'close')
      socket.end(Buffer.from([0xe0, 0]))
      const timer = setTimeout(() => socket.destroy(), endMsMax)
      await closed.catch(() => {})
      clearTimeout(timer)
    },
  }

  socket.on('data', (given: Buffer) => {
    const bytes = rest.length === 0 ? given : Buffer.concat([rest, given])
    const now = performance.now()
    let acknowledged = 0
    let at = 0
    // Whatever is no PUBACK is of two bytes and its rest: a broker has nothing longer to say to who does not subscribe.
    while (at + 2 <= bytes.length) {
      const end = at + 2 + (bytes[at + 1] as number)
      if (end > bytes.length) break
      if (bytes[at] === 0x40 && end === at + 4) {
        const id = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
        const since = id <= windowMax ? (dueAt[id] as number) : -1
        if (since === -1) return fail(new Error(`${clientId}: a PUBACK for ${id}, which was not sent`))
        dueAt[id] = -1
        latencies.record(now - since)
        acknowledged++
      }
      at = end
    }
    rest = bytes.subarray(at) as Buffer<ArrayBuffer>
    inFlight -= acknowledged
    if (acknowledged > 0) options.onAcknowledged(connection, acknowledged)
  })
  socket.on('drain', () => options.onDrained(connection))
  socket.on('error', fail)
  socket.on('close', () => fail(new Error(`${clientId}: the broker closed the connection`)))
  return connection
}

/** Clean session, no keep alive: nothing but the load goes over the wire. */
function connectPacket({ clientId, username, password }: LoadConnectionOptions): Buffer {
  const text = (it: string) => {
    const bytes = Buffer.from(it)
    return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
  }
  const flags = 2 | (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40)
  const fields = [clientId, username, password].filter((it) => it !== undefined).map(text)
  const body = Buffer.concat([text('MQTT'), Buffer.from([4, flags, 0, 0]), ...fields])
  return Buffer.concat([
    Buffer.from([0x10, (body.length & 127) | (body.length > 127 ? 128 : 0)]),
    ...(body.length > 127 ? [Buffer.from([body.length >> 7])] : []),
    body,
  ])
}
