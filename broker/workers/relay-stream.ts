/**
 * A connection of a worker as the broker sees it: the Socket that aedes wants, with frames in place of a network. It is
 * closed when the worker says so, by which time everything that the client sent before has been told.
 */
import { Duplex } from 'node:stream'
import type { Client } from 'aedes'
import { limits } from '../../telemetry/limits.ts'
import type { Certificate } from '../access/credentials.ts'
import { internals } from '../aedes-internals.ts'
import { numberAt, numbers, type Opened } from './bodies.ts'
import { FrameKind } from './frames.ts'

type Done = (error?: Error | null) => void
type Send = (kind: FrameKind, body?: Buffer) => void

export class RelayStream extends Duplex {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly certificate: Certificate | null
  /** Its worker ended: that says nothing about the client. */
  isLost = false
  /** Bytes that came from the worker. */
  received = 0
  readonly #send: Send
  #isPaused = false
  #isGone = false
  #undrained = 0
  #written: Done | null = null
  #destroyed: Done | null = null

  constructor({ address, port, certificate }: Opened, send: Send) {
    super({ highWaterMark: limits.relayWindowBytes, allowHalfOpen: true })
    this.remoteAddress = address
    this.remotePort = port
    this.certificate = certificate
    this.#send = send
  }

  /** A frame of the worker. */
  frame(kind: FrameKind, body: Buffer): void {
    if (kind === FrameKind.data) this.#takeData(body)
    else if (kind === FrameKind.ended) this.push(null)
    else if (kind === FrameKind.drained) this.#drained(numberAt(body, 0))
    else if (kind === FrameKind.closed) this.#gone()
  }

  /** Everything that came is handled up to here. `rate`: of a limited client, its two numbers. */
  settled(bytes: number, rate: number[]): void {
    if (!this.#isGone) this.#send(FrameKind.settled, numbers(bytes, ...rate))
  }

  grant(body: Buffer): void {
    if (!this.#isGone) this.#send(FrameKind.granted, body)
  }

  /** Ends it for a reason of ours. */
  endLost(): void {
    this.isLost = true
    this.destroy()
  }

  /** Its worker is no more. */
  lose(): void {
    this.isLost = true
    this.#isGone = true
    this.destroy()
    this.#destroyed?.(null)
  }

  override _read(): void {
    if (!this.#isPaused || this.#isGone) return
    this.#isPaused = false
    this.#send(FrameKind.resume)
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#give(bytes, done)
  }

  override _writev(chunks: Array<{ chunk: Buffer | string; encoding: BufferEncoding }>, done: Done): void {
    const parts = chunks.map(({ chunk, encoding }) =>
      typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk,
    )
    this.#give(Buffer.concat(parts), done)
  }

  override _final(done: Done): void {
    if (!this.#isGone) this.#send(FrameKind.end)
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    if (this.#isGone) return void done(error)
    this.#destroyed = () => done(error)
    this.#send(FrameKind.destroy, Buffer.from([error === null ? 0 : 1]))
  }

  #takeData(bytes: Buffer): void {
    this.received += bytes.length
    if (this.destroyed || this.push(bytes) || this.#isPaused) return
    this.#isPaused = true
    this.#send(FrameKind.pause)
  }

  #give(bytes: Buffer, done: Done): void {
    if (this.#isGone) return void done()
    if (bytes.length > 0) this.#send(FrameKind.data, bytes)
    this.#undrained += bytes.length
    if (this.#undrained <= limits.relayWindowBytes) done()
    else this.#written = done
  }

  #drained(bytes: number): void {
    this.#undrained -= bytes
    if (this.#written === null || this.#undrained > limits.relayWindowBytes) return
    const done = this.#written
    this.#written = null
    done()
  }

  #gone(): void {
    this.#isGone = true
    if (this.#destroyed !== null) this.#destroyed(null)
    // What came just before is read first.
    else setImmediate(() => this.destroy())
  }
}

/** The client's connection ended with its worker, and by no doing of its own. */
export function isLost(client: Client): boolean {
  const { conn } = internals(client)
  return conn instanceof RelayStream && conn.isLost
}
