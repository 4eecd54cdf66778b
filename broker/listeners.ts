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
import type { Logger } from 'pino'
import { type Counters, count, type ListenerCounters } from '../telemetry/counters.ts'
import { type RefusalCode, StartError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { addressGroup, createAddressCount } from './access/addresses.ts'
import { createTls, type TlsFiles } from './tls.ts'
import { createWay, isSecure, type Scheme, type Transport } from './way-in.ts'
import type { Workers } from './workers/workers.ts'

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
  /** They carry the connections; null or absent: this process does. */
  workers?: Workers | null
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

/** `left`: to be called when the connection is gone. */
type Carry = (socket: Socket, left: () => void) => void

const handOver =
  (workers: Workers, listener: number): Carry =>
  (socket, left) =>
    workers.hand(socket, listener, left)

/** @throws StartError when an address cannot be listened on, or the files of broker.tls do not fit. */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const { counters, log, connected, workers = null } = options
  const sockets = new Set<Socket>()
  const allMax = Math.min(limits.connectionsMax, allowedConnections() * (workers?.count ?? 1))
  const perAddress = createAddressCount(options.connectionsPerAddress ?? Number.POSITIVE_INFINITY)
  const needsTls = options.listen.some(({ scheme }) => isSecure(scheme))
  const tls = needsTls ? createTls(needed(options.tls), log) : null
  const servers: Server[] = []
  const addresses: Required<Address>[] = []

  function refuse(socket: Socket, own: ListenerCounters, code: RefusalCode): null {
    own.refused++
    count(counters.refused, code)
    socket.destroy()
    return null
  }

  /** Null: there are too many already. Else what to call when the connection is gone. */
  function admit(socket: Socket, own: ListenerCounters, ownMax: number): (() => void) | null {
    if (counters.connectionsOpen >= allMax || own.open >= ownMax) {
      return refuse(socket, own, 'too_many_connections')
    }
    const peer = addressGroup(socket.remoteAddress ?? '')
    if (!perAddress.enter(peer)) return refuse(socket, own, 'too_many_connections_from_address')
    own.open++
    own.total++
    counters.connectionsOpen++
    counters.connectionsTotal++
    return () => {
      perAddress.leave(peer)
      own.open--
      counters.connectionsOpen--
    }
  }

  function carryHere(address: Required<Address>): Carry {
    const way = createWay({
      ...address,
      tls: isSecure(address.scheme) ? tls : null,
      origins: options.origins ?? [],
      counters,
      connected,
    })
    return (socket, left) => {
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        left()
      })
      way(socket)
    }
  }

  async function open(address: Required<Address>): Promise<void> {
    const name = addressText(address)
    const own = { open: 0, total: 0, refused: 0 }
    const ownMax = options.connectionsMax?.[address.scheme] ?? allMax
    const carry = workers === null ? carryHere(address) : handOver(workers, servers.length)
    const server = await listen(address, name, workers !== null, (socket) => {
      const left = admit(socket, own, ownMax)
      if (left !== null) carry(socket, left)
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
  const wanted = options.listen.map(({ scheme = 'mqtt', host, port, path = '/mqtt' }) => ({ scheme, host, port, path }))
  try {
    await workers?.open({
      listeners: wanted.map(({ scheme, host, path }) => ({ scheme, host, path })),
      tls: needsTls ? (options.tls ?? null) : null,
      ticketKeys: tls?.ticketKeys().toString('base64') ?? null,
      origins: options.origins ?? [],
    })
    for (const address of wanted) await open(address)
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
      if (problem === null) workers?.reloadCertificate(tls.ticketKeys())
      if (problem !== null) log.error({ why }, `${problem}; the certificate from before stays in use`)
    },
    stop,
    destroy,
  }
}

const addressText = ({ scheme, host, port, path }: Required<Address>) =>
  `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${scheme.startsWith('ws') ? path : ''}`

/** `pauseOnConnect`: nothing is read from the sockets. */
function listen(
  { host, port }: Required<Address>,
  name: string,
  pauseOnConnect: boolean,
  onSocket: (socket: Socket) => void,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true, pauseOnConnect }, onSocket)
    server.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is taken' : error.message
      reject(new StartError(`broker.listen ${name}: ${why}`))
    })
    server.listen({ port, host, backlog: limits.acceptBacklog }, () => resolve(server))
  })
}

function needed(files: TlsFiles | null | undefined): TlsFiles {
  if (files == null) throw new StartError('broker.tls: is missing, mqtts:// and wss:// need a certificate')
  return files
}

/** Of one process. Open files are what connections cost; the journal must never run out of them. */
function allowedConnections(): number {
  const limitsOfSystem = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  const files = Number(/^Max open files\s+(\d+)/m.exec(limitsOfSystem)?.[1] ?? Number.POSITIVE_INFINITY)
  return Math.max(1, files - limits.filesReserved)
}
