/**
 * MQTT inside WebSockets [MQTT §6]. Who may upgrade is decided before anything is stored for them: path, subprotocol, and
 * the rule of the console for pages: programs say no Origin, a page must be of the same host or of a listed origin.
 */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Counters, count } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import { WebSocketStream } from './websocket-stream.ts'

export type WebSocketRules = {
  /** Where the listener stands: on loopback only its own names are answered, whatever a foreign DNS says. */
  host: string
  path: string
  /** Pages of other hosts that may connect, as browsers write them: `https://console.example`. */
  origins: readonly string[]
}

/** A server that is not listening: sockets are handed to it as `connection`, and come out as streams. */
export function createWebSocketServer(
  rules: WebSocketRules,
  counters: Counters,
  onStream: (stream: WebSocketStream) => void,
): Server {
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Compression would let a small frame become a large one, and costs a window of memory for each connection.
    perMessageDeflate: false,
    maxPayload: limits.packetBytesMaxBeforeConnect,
    handleProtocols: () => subprotocol,
  })
  const server = createServer({ maxHeaderSize: limits.webSocketHeaderBytesMax }, (_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' })
    response.end('MQTT over WebSocket is spoken here\n')
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    const refusal = upgradeRefusal(request, rules)
    if (refusal !== null) {
      count(counters.refused, 'upgrade_refused')
      refuse(socket as Socket, ...refusal)
      return
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket: WebSocket) =>
      onStream(new WebSocketStream(webSocket, socket as Socket, counters)),
    )
  })
  return server
}

/** [MQTT-6.0.0-3], [MQTT-6.0.0-4] */
const subprotocol = 'mqtt'
const loopbackHost = /^(127\.|::1$|localhost$)/
const loopbackName = /^(127\.[\d.]+|localhost|\[::1\])(:\d+)?$/

type Refusal = [status: number, why: string]

function upgradeRefusal({ headers, url = '' }: IncomingMessage, rules: WebSocketRules): Refusal | null {
  const { host = '', origin } = headers
  if (loopbackHost.test(rules.host) && !loopbackName.test(host.toLowerCase())) {
    return [421, 'this broker is served to localhost']
  }
  if (url.split('?')[0] !== rules.path) return [404, `MQTT is spoken at ${rules.path}`]
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((it) => it.trim())
  if (!offered.includes(subprotocol)) return [400, 'the subprotocol mqtt is wanted']
  if (origin === undefined || rules.origins.includes(origin)) return null
  const isOurs = URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
  return isOurs ? null : [403, 'pages of this origin may not connect, broker.origins can name it']
}

function refuse(socket: Socket, status: number, why: string): void {
  const body = `${why}\n`
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n`
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  socket.destroySoon()
}
