/**
 * Where devices connect. Every connection is counted before anything is done for it, then makes its way to the broker:
 *
 *     mqtt   socket ──────────────────────────────▶ connected
 *     mqtts  socket ─▶ TLS handshake ─────────────▶ connected
 *     ws     socket ─────────────────▶ upgrade ───▶ connected
 *     wss    socket ─▶ TLS handshake ─▶ upgrade ──▶ connected
 *
 * Addresses are those of the sockets: no header of a proxy is believed.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { type PeerCertificate, TLSSocket } from 'node:tls'
import type { Client } from 'aedes'
import type { Logger } from 'pino'
import { type Counters, count, type ListenerCounters } from '../telemetry/counters.ts'
import { type RefusalCode, StartError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { addressGroup, createAddressCount } from './access/addresses.ts'
import { internals } from './aedes-internals.ts'
import { createTls, type TlsFiles } from './tls.ts'
import { createWay, type Scheme, type Transport } from './way-in.ts'
import { WebSocketStream } from './websocket-stream.ts'

/** Without a scheme it is mqtt. `path`: of WebSockets, `/mqtt` when it is left out. */
export type Address = { scheme?: Scheme; host: string; port: number; path?: string }

export type ListenersOptions = {
  listen: Address[]
  /** Needed for mqtts and wss. */
  tls?: TlsFiles | null
  /** Pages of other hosts that may open a WebSocket. */
  origins?: readonly string[]
  /** Connections of each listener of a scheme; the limit of all together holds besides. */
  connectionsMax?: Partial<Record<Scheme, number>>
  /** Connections of one address, to all listeners; null or absent: as many as there may be at all. */
  connectionsPerAddress?: number | null
  connected: (transport: Transport) => void
  counters: Counters
  log: Logger
}

export type Listeners = {
  /** In the order of `listen`; a port 0 is replaced by the real one. */
  addresses: Required<Address>[]
  /** Reads the files of broker.tls again; connections that stand are not touched. */
  reloadCertificate(why: string): void
  /** Takes no more connections; resolves when the last one has ended. */
  stop(): Promise<void>
  /** Ends everything that is open. */
  destroy(): void
}

/** @throws StartError when an address cannot be listened on, or the files of broker.tls do not fit. */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const { counters, log, connected } = options
  const sockets = new Set<Socket>()
  const allMax = allowedConnections()
  const perAddress = createAddressCount(options.connectionsPerAddress ?? Number.POSITIVE_INFINITY)
  const needsTls = options.listen.some(({ scheme }) => isSecure(scheme))
  const tls = needsTls ? createTls(needed(options.tls), log) : null
  const servers: Server[] = []
  const addresses: Required<Address>[] = []

  function refuse(socket: Socket, own: ListenerCounters, code: RefusalCode): false {
    own.refused++
    count(counters.refused, code)
    socket.destroy()
    return false
  }

  /** False: there are too many already. */
  function admit(socket: Socket, own: ListenerCounters, ownMax: number): boolean {
    if (sockets.size >= allMax || own.open >= ownMax) {
      return refuse(socket, own, 'too_many_connections')
    }
    const peer = addressGroup(socket.remoteAddress ?? '')
    if (!perAddress.enter(peer)) return refuse(socket, own, 'too_many_connections_from_address')
    sockets.add(socket)
    own.open++
    own.total++
    counters.connectionsOpen = sockets.size
    counters.connectionsTotal++
    socket.once('close', () => {
      sockets.delete(socket)
      perAddress.leave(peer)
      own.open--
      counters.connectionsOpen = sockets.size
    })
    return true
  }

  async function open(address: Required<Address>): Promise<void> {
    const name = addressText(address)
    const own = { open: 0, total: 0, refused: 0 }
    const ownMax = options.connectionsMax?.[address.scheme] ?? limits.connectionsMax
    const way = createWay({
      ...address,
      tls: isSecure(address.scheme) ? tls : null,
      origins: options.origins ?? [],
      counters,
      connected,
    })
    const server = await listen(address, name, (socket) => {
      if (admit(socket, own, ownMax)) way(socket)
    })
    servers.push(server)
    const { port } = server.address() as { port: number }
    const real = { ...address, port }
    addresses.push(real)
    counters.listeners[addressText(real)] = own
  }

  const stop = async () => {
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))))
  }
  const destroy = () => {
    for (const socket of sockets) socket.destroy()
  }
  try {
    for (const { scheme = 'mqtt', host, port, path = '/mqtt' } of options.listen) {
      await open({ scheme, host, port, path })
    }
  } catch (error) {
    destroy()
    await stop()
    throw error
  }
  return {
    addresses,
    reloadCertificate(why) {
      if (tls === null) return
      const problem = tls.reload()
      count(counters.certificateReloads, problem === null ? 'done' : 'failed')
      if (problem !== null) log.error({ why }, `${problem}; the certificate from before stays in use`)
    },
    stop,
    destroy,
  }
}

/** The certificate that the client showed and that broker.tls.ca vouches for, or null. */
export function certificateOf(client: Client): PeerCertificate | null {
  const transport = internals(client).conn as Transport
  const socket = transport instanceof WebSocketStream ? transport.socket : transport
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null
  const certificate = socket.getPeerCertificate()
  return Object.keys(certificate).length === 0 ? null : certificate
}

const isSecure = (scheme: Scheme | undefined) => scheme === 'mqtts' || scheme === 'wss'

const addressText = ({ scheme, host, port, path }: Required<Address>) =>
  `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${scheme.startsWith('ws') ? path : ''}`

function listen({ host, port }: Required<Address>, name: string, onSocket: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, onSocket)
    server.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is taken' : error.message
      reject(new StartError(`broker.listen ${name}: ${why}`))
    })
    server.listen(port, host, () => resolve(server))
  })
}

function needed(files: TlsFiles | null | undefined): TlsFiles {
  if (files == null) throw new StartError('broker.tls: is missing, mqtts:// and wss:// need a certificate')
  return files
}

/** Open files are what connections cost; the journal must never run out of them. */
function allowedConnections(): number {
  const limitsOfSystem = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  const files = Number(/^Max open files\s+(\d+)/m.exec(limitsOfSystem)?.[1] ?? Number.POSITIVE_INFINITY)
  return Math.max(1, Math.min(limits.connectionsMax, files - limits.filesReserved))
}
