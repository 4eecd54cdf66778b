/**
 * What passes between a worker and the main process, cut into frames:
 *
 *     bytes of the rest u32 · kind u8 · connection u32 · body
 *
 * Frames of one turn of the event loop go out in one write, in their order.
 */
import type { Duplex } from 'node:stream'
import { limits } from '../../telemetry/limits.ts'

/** Bodies in brackets; numbers are doubles. Connection 0: the worker itself. */
export const FrameKind = {
  /** Worker: the part is open [JournalEnd]. */
  ready: 1,
  /** Worker: MQTT begins on a connection [Opened]. */
  opened: 2,
  /** Both: bytes of a connection. */
  data: 3,
  /** Worker: the other side sends no more. */
  ended: 4,
  /** Worker: the connection is gone, and everything that it sent was told. */
  closed: 5,
  /** Worker: so many bytes have gone out. */
  drained: 6,
  /** Worker: the client lives, although nothing of it comes by here. */
  alive: 7,
  /** Worker, before data: the rate of a limited client [RateAhead]. */
  rate: 8,
  /** Worker: the part has grown [JournalEnd]. */
  grew: 9,
  /** Worker: the part cannot be written [text]. */
  failed: 10,
  /** Worker: grants that the filter of this number matches are gone. */
  heardOk: 11,
  /** Worker: what was counted [WorkerTold]. */
  told: 12,
  /** Main: nothing more is written to the connection. */
  end: 20,
  /** Main: the connection ends now [1: whatever is written to it, 0: when that has gone out]. */
  destroy: 21,
  /** Main: reads no more, reads again. */
  pause: 22,
  resume: 23,
  /** Main: so many bytes of the connection are handled [bytes, RateAhead or nothing]. */
  settled: 24,
  /** Main: messages on a topic are taken by the worker [Grant]. */
  granted: 25,
  /** Main: somebody listens [number, filter]. */
  heard: 26,
  /** Main: what stands before the position in the part is stored. */
  release: 27,
  /** Main: the files of broker.tls are read again [keys for tickets]. */
  reloadCertificate: 28,
  /** Main: everything ends. */
  stop: 29,
  /** Main: readings may [1], or may not [0] go into the part now. */
  room: 30,
} as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

const kinds = new Set<number>(Object.values(FrameKind))
const headerBytes = 9
const nothing = Buffer.alloc(0)

export type OnFrame = (kind: FrameKind, id: number, body: Buffer) => void

export type Frames = {
  send(kind: FrameKind, id: number, body?: Buffer): void
  /** Everything that was sent goes out now, not at the end of the turn. */
  flush(): void
  /** The other side does not keep up. */
  isBehind(): boolean
}

/** Writes frames to the stream. */
export function createFrames(stream: Duplex): Frames {
  let waiting: Buffer[] = []
  let isDue = false

  function add(kind: FrameKind, id: number, body: Buffer): void {
    const header = Buffer.allocUnsafe(headerBytes)
    header.writeUInt32LE(headerBytes - 4 + body.length, 0)
    header[4] = kind
    header.writeUInt32LE(id, 5)
    waiting.push(header)
    if (body.length > 0) waiting.push(body)
  }
  function flush(): void {
    isDue = false
    if (waiting.length === 0) return
    const bytes = Buffer.concat(waiting)
    waiting = []
    // What cannot be told any more is of no interest: the end of the other side is seen elsewhere.
    if (stream.writable) stream.write(bytes)
  }
  return {
    send(kind, id, body = nothing) {
      for (let at = 0; at === 0 || at < body.length; at += limits.relayPieceBytes) {
        add(kind, id, body.length <= limits.relayPieceBytes ? body : body.subarray(at, at + limits.relayPieceBytes))
      }
      if (isDue) return
      isDue = true
      setImmediate(flush)
    },
    flush,
    isBehind: () => stream.writableLength >= limits.relayBacklogBytes,
  }
}

/** Call the answer with what was read. It answers what is wrong, once and for all, or null. Bodies are views. */
export function createFrameReader(onFrame: OnFrame): (bytes: Buffer) => string | null {
  let parts: Buffer[] = []
  let bytesThere = 0
  let bytesNeeded = headerBytes
  let problem: string | null = null

  return (chunk) => {
    if (problem !== null) return problem
    parts.push(chunk)
    bytesThere += chunk.length
    if (bytesThere < bytesNeeded) return null
    const bytes = parts.length === 1 ? chunk : Buffer.concat(parts)
    let at = 0
    bytesNeeded = headerBytes
    while (bytes.length - at >= headerBytes) {
      const frameBytes = 4 + bytes.readUInt32LE(at)
      const kind = bytes[at + 4] as FrameKind
      if (frameBytes < headerBytes || frameBytes > limits.relayFrameBytesMax) {
        problem = `a frame of ${frameBytes} bytes, at most ${limits.relayFrameBytesMax} and at least ${headerBytes} wanted`
      } else if (!kinds.has(kind)) problem = `a frame of the unknown kind ${kind}`
      if (problem !== null) return problem
      if (bytes.length - at < frameBytes) {
        bytesNeeded = frameBytes
        break
      }
      onFrame(kind, bytes.readUInt32LE(at + 5), bytes.subarray(at + headerBytes, at + frameBytes))
      at += frameBytes
    }
    parts = at < bytes.length ? [bytes.subarray(at)] : []
    bytesThere = bytes.length - at
    return null
  }
}
