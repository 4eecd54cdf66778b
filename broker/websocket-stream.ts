/**
 * A WebSocket as the stream of bytes that MQTT runs on: frames are no packets [MQTT-6.0.0-2]. What waits to be sent is
 * joined into one frame, and the other side waits when nobody reads.
 */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import { type Counters, count } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'

type Done = (error?: Error | null) => void

/** ws 8.23.0 keeps the limit of a frame here; listeners.test.ts fails when it is found elsewhere. */
type Receiver = { _receiver: { _maxPayload: number } }

export class WebSocketStream extends Duplex {
  readonly remoteAddress: string | undefined
  /** Below the WebSocket: a TLSSocket on wss. */
  readonly socket: Socket
  readonly #webSocket: WebSocket
  #isAnswered = false

  constructor(webSocket: WebSocket, socket: Socket, counters: Counters) {
    super({ highWaterMark: 64 * 1024 })
    this.#webSocket = webSocket
    this.socket = socket
    this.remoteAddress = socket.remoteAddress
    webSocket.binaryType = 'nodebuffer'
    webSocket.on('message', (data: RawData, isBinary: boolean) => {
      // [MQTT-6.0.0-1]
      if (!isBinary) this.destroy(new Error('a text frame instead of a binary one'))
      else if (!this.push(data)) webSocket.pause()
    })
    webSocket.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') count(counters.refused, 'packet_too_large')
      this.destroy(error)
    })
    webSocket.on('close', () => {
      this.push(null)
      this.destroy()
    })
  }

  override _read(): void {
    if (this.#webSocket.isPaused) this.#webSocket.resume()
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes), done)
  }

  override _writev(chunks: Array<{ chunk: Buffer | string; encoding: BufferEncoding }>, done: Done): void {
    const parts = chunks.map(({ chunk, encoding }) =>
      typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk,
    )
    this.#send(Buffer.concat(parts), done)
  }

  override _final(done: Done): void {
    this.#webSocket.close()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#webSocket.close()
    // The answer to a refused CONNECT shall arrive; who does not take it is not waited for.
    if (error === null) this.socket.destroySoon()
    else this.socket.destroy()
    done(error)
  }

  #send(bytes: Buffer, done: Done): void {
    // The first thing that a broker says is CONNACK: from here on the connection is admitted, or about to be closed.
    if (!this.#isAnswered) {
      this.#isAnswered = true
      const { _receiver } = this.#webSocket as unknown as Receiver
      _receiver._maxPayload = limits.webSocketFrameBytesMax
    }
    this.#webSocket.send(bytes, { binary: true }, done)
  }
}
