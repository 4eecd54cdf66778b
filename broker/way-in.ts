/** What becomes of a socket until MQTT is spoken on it: TLS, the upgrade to a WebSocket, and a deadline for both together. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Counters, count } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import type { Tls } from './tls.ts'
import { createWebSocketServer, type WebSocketRules } from './websocket.ts'
import type { WebSocketStream } from './websocket-stream.ts'

export type Scheme = 'mqtt' | 'mqtts' | 'ws' | 'wss'

export const isSecure = (scheme: Scheme | undefined): boolean => scheme === 'mqtts' || scheme === 'wss'

/** What the broker speaks MQTT on. */
export type Transport = Socket | WebSocketStream

type WayOptions = WebSocketRules & {
  scheme: Scheme
  /** Null where nothing is encrypted. */
  tls: Tls | null
  connected: (transport: Transport) => void
  counters: Counters
}

/** What carries it. */
export const socketOf = (transport: Transport): Socket => ('socket' in transport ? transport.socket : transport)

/** Call the answer with each new socket. */
export function createWay({ scheme, tls, connected, counters, ...rules }: WayOptions): (socket: Socket) => void {
  if (scheme === 'mqtt') return connected
  const deadlines = createDeadlines(counters)
  const arrived = (socket: Socket, transport: Transport) => {
    deadlines.end(socket)
    connected(transport)
  }
  let way = (socket: Socket): unknown => arrived(socket, socket)
  if (scheme !== 'mqtts') {
    const server = createWebSocketServer(rules, counters, (stream) => arrived(stream.socket, stream))
    way = (socket) => server.emit('connection', socket)
  }
  if (tls !== null) {
    const next = way
    const server = tls.createServer((socket) => {
      if (isUntrusted(socket)) fail(socket)
      else next(socket)
    })
    const fail = (socket: TLSSocket) => {
      count(counters.refused, 'tls_failed')
      socket.destroy()
    }
    server.on('tlsClientError', (_error, socket) => fail(socket))
    way = (socket) => server.emit('connection', socket)
  }
  return (socket) => {
    // Until the broker listens for errors itself: a reset during a handshake is no reason to end the process.
    socket.on('error', () => {})
    deadlines.begin(socket)
    way(socket)
  }
}

/** The ends of a connection, which are the same for a socket, the TLS on it, and the WebSocket in that. */
export function endsOf(transport: Transport): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socketOf(transport)
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

/** Where certificates are optional, one that is shown must be good. */
const isUntrusted = (socket: TLSSocket): boolean =>
  !socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0

/** A handshake that trickles in would outlive every idle timeout. */
function createDeadlines(counters: Counters): { begin(socket: Socket): void; end(socket: Socket): void } {
  const running = new Map<string, NodeJS.Timeout>()
  const end = (key: string) => {
    clearTimeout(running.get(key))
    running.delete(key)
  }
  return {
    begin(socket) {
      const key = endsOf(socket)
      const late = () => {
        count(counters.refused, 'handshake_timeout')
        socket.destroy()
      }
      running.set(key, setTimeout(late, limits.connectTimeoutMs))
      socket.once('close', () => end(key))
    },
    end: (socket) => end(endsOf(socket)),
  }
}
