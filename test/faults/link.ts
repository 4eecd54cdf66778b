/** The connection of a device that comes back whenever the broker is gone, until it is closed. */
import { connect, type Socket } from 'node:net'
import { connectPacket, parseAnswers } from './packets.ts'

export type Link = {
  isConnected(): boolean
  /** Nothing goes out while there is no socket. */
  write(bytes: Buffer): void
  close(): void
}

export type LinkOptions = {
  port: number
  client: string
  /** The session stands: what was not acknowledged goes out before anything new. */
  connected(): void
  puback(packetId: number): void
  /** Answers were read: there may be room for more. */
  answered(): void
}

const reconnectMs = 50

export function openLink({ port, client, connected, puback, answered }: LinkOptions): Link {
  let socket: Socket | null = null
  let isConnected = false
  let isClosed = false

  function open(): void {
    if (isClosed) return
    const opened = connect({ port, host: '127.0.0.1', noDelay: true })
    socket = opened
    let rest: Buffer = Buffer.alloc(0)
    opened.on('connect', () => opened.write(connectPacket(client)))
    opened.on('data', (bytes) => {
      const parsed = parseAnswers(Buffer.concat([rest, bytes]))
      rest = parsed.rest
      for (const answer of parsed.answers) {
        if (answer.kind === 'puback') puback(answer.packetId)
        else if (answer.code === 0) {
          isConnected = true
          connected()
        } else opened.destroy()
      }
      answered()
    })
    // Why a connection ended does not matter to a device: 'close' follows, and it tries again.
    opened.on('error', () => {})
    opened.on('close', () => {
      isConnected = false
      setTimeout(open, reconnectMs)
    })
  }
  open()

  return {
    isConnected: () => isConnected,
    write: (bytes) => void socket?.write(bytes),
    close() {
      isClosed = true
      socket?.destroy()
    },
  }
}
