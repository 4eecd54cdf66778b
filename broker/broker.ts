/**
 * MQTT in. The promise: PUBACK (QoS 1) and PUBREC (QoS 2) leave only after accept() resolved. aedes offers one place
 * for that before each of them: authorizePublish for QoS 0 and 1, the store of incoming packets for QoS 2, which is
 * asked only for packets that are no repetition.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { Aedes, type AuthenticateError, type Client, type ConnectPacket, type PublishPacket } from 'aedes'
import type { Logger } from 'pino'
import { type Counters, count } from '../telemetry/counters.ts'
import type { NextEpoch } from '../telemetry/epoch.ts'
import { AbandonedError, type RefusalCode, refusalCodes, StartError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type Accept, lifeCycle, type Message, MessageKind, type Qos } from '../telemetry/message.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { topicRefusal } from '../telemetry/topic-rules.ts'
import { type Credentials, clientIdRefusal, connackCode, credentialsMatch } from './admission.ts'
import { hardenConnection } from './harden.ts'
import { createPresence } from './presence.ts'
import { boundSessions, type Persistence } from './sessions.ts'

type IncomingStore = { incomingStorePacket(client: Client, packet: PublishPacket): Promise<void> }

export type Address = { host: string; port: number }

export type BrokerOptions = {
  listen: Address[]
  /** null: anybody may connect. */
  credentials: Credentials | null
  /** Topic pattern of births and wills. */
  statusTopic: string
  accept: Accept
  /** The connection of the epoch is gone: what still waits for accept() is not wanted any more. */
  abandon: (epoch: number) => void
  nextEpoch: NextEpoch
  /** false while the journal has failed: new connections are refused, so that devices try again later. */
  isAccepting: () => boolean
  counters: Counters
  log: Logger
}

export type Broker = {
  /** Where it listens; a port 0 is replaced by the real one. */
  addresses: Address[]
  /** Publishes for the platform itself; not journaled. */
  publish(topic: string, payload: string, options: { retain: boolean }): Promise<void>
  /** Takes no more messages, ends all connections. */
  close(): Promise<void>
}

/** @throws StartError when an address cannot be listened on. */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  const { accept, counters, credentials, log } = options
  const status = topicPattern(options.statusTopic)
  const onLost = (error: unknown) => log.error({ err: error }, 'a start or disconnect could not be kept')
  const presence = createPresence(accept, options.abandon, options.nextEpoch, onLost)
  const connects = new WeakMap<Client, ConnectPacket>()
  let closing = false

  const aedes = new Aedes({
    concurrency: 0,
    connectTimeout: limits.connectTimeoutMs,
    // What a device flushes behind its CONNECT is bounded in bytes by the read-ahead, not by a count of packets.
    queueLimit: 65_536,
    maxClientsIdLength: limits.clientIdBytesMax,
    preConnect(client, packet, done) {
      connects.set(client, packet)
      done(null, true)
    },
    authenticate(client, username, password, done) {
      const refusal = admit(client, username, password)
      if (refusal !== null) return done(refuse(refusal, client), false)
      const { keepalive = 0, clean = true, will } = connects.get(client) as ConnectPacket
      const details = { keepAliveS: keepalive, clean, ...(will && { willTopic: will.topic }) }
      presence.begin(client, details).then(
        () => done(null, true),
        () => done(refuse('not_accepting', client), false),
      )
    },
    authorizePublish(client, packet, done) {
      // A will has no command; a dead broker's will has no client either.
      const isWill = packet.cmd === undefined
      if (isWill && closing) return done(new Error('broker is closing'))
      const refusal = topicRefusal(packet.topic) ?? (options.isAccepting() ? null : 'not_accepting')
      if (refusal !== null) {
        if (!isWill) {
          counters.received++
          counters.refusedReadings++
        }
        return done(refuse(refusal, client))
      }
      if (packet.qos === 2 && !isWill) return done(null)
      take(client, packet, isWill).then(() => done(null), done)
    },
  })

  function admit(client: Client, username: string | undefined, password: Buffer | undefined): RefusalCode | null {
    const packet = connects.get(client) as ConnectPacket
    if (!options.isAccepting()) return 'not_accepting'
    if (credentials !== null && !credentialsMatch(credentials, username, password)) return 'bad_credentials'
    const refusal = clientIdRefusal(packet.clientId, packet.clean ?? true)
    if (refusal !== null) return refusal
    return packet.will !== undefined && topicRefusal(packet.will.topic) !== null ? 'client_id_invalid' : null
  }

  function refuse(code: RefusalCode, client: Client | null): AuthenticateError {
    count(counters.refused, code)
    log.warn({ code, client: client?.id }, 'refused')
    return Object.assign(new Error(refusalCodes[code]), { returnCode: connackCode(code) }) as AuthenticateError
  }

  function take(client: Client | null, packet: PublishPacket, isWill: boolean): Promise<void> {
    const kind = isWill ? MessageKind.will : status.match(packet.topic) ? MessageKind.birth : MessageKind.publish
    if (kind === MessageKind.publish) counters.received++
    const { payload } = packet
    const message: Message = {
      kind,
      qos: packet.qos as Qos,
      dup: packet.dup ?? false,
      retain: packet.retain ?? false,
      packetId: packet.qos === 0 ? 0 : ((packet as { messageId?: number }).messageId ?? 0),
      epoch: client === null ? 0 : presence.epochOf(client),
      client: client?.id ?? '',
      topic: packet.topic,
      payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    }
    return accept(message).catch((error) => {
      if (kind === MessageKind.publish) counters.refusedReadings++
      count(counters.refused, error instanceof AbandonedError ? 'abandoned' : 'not_accepting')
      throw error
    })
  }

  await aedes.listen()
  const { persistence } = aedes as unknown as { persistence: Persistence & IncomingStore }
  boundSessions(persistence, counters)
  const storeIncoming = persistence.incomingStorePacket.bind(persistence)
  persistence.incomingStorePacket = async (client, packet) => {
    await take(client, packet, false)
    return storeIncoming(client, packet)
  }
  aedes.on('keepaliveTimeout', presence.sawKeepAliveTimeout)
  const onConnectionError = (client: Client, error: Error) =>
    log.debug({ client: client.id, err: error }, 'client error')
  aedes.on('clientError', onConnectionError)
  aedes.on('connectionError', onConnectionError)

  const sockets = new Set<Socket>()
  const connectionsMax = allowedConnections()
  function connected(socket: Socket): void {
    if (sockets.size >= connectionsMax) {
      count(counters.refused, 'too_many_connections')
      socket.destroy()
      return
    }
    sockets.add(socket)
    counters.connectionsOpen = sockets.size
    counters.connectionsTotal++
    socket.once('close', () => {
      sockets.delete(socket)
      counters.connectionsOpen = sockets.size
    })
    hardenConnection(aedes.handle(socket), counters)
  }

  const servers: Server[] = []
  // Its place before every connect is all that counts; on a full disk it waits like everything else.
  accept(lifeCycle(MessageKind.start, '', 0, '')).catch(onLost)
  const closeAll = async () => {
    closing = true
    presence.stop()
    const stopped = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    await new Promise<void>((resolve) => aedes.close(resolve))
    // Sockets that never became clients; aedes does not know of them.
    for (const socket of sockets) socket.destroy()
    await Promise.all(stopped)
  }
  try {
    for (const address of options.listen) servers.push(await listen(address, connected))
  } catch (error) {
    await closeAll()
    throw error
  }

  return {
    addresses: servers.map((server) => {
      const { address, port } = server.address() as { address: string; port: number }
      return { host: address, port }
    }),
    publish: (topic, payload, { retain }) =>
      new Promise((resolve, reject) => {
        const packet = { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain, dup: false } as const
        aedes.publish(packet as never, (error?: Error | null) => (error ? reject(error) : resolve()))
      }),
    close: closeAll,
  }
}

function listen({ host, port }: Address, connected: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, connected)
    server.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is taken' : error.message
      reject(new StartError(`broker.listen mqtt://${host}:${port}: ${why}`))
    })
    server.listen(port, host, () => resolve(server))
  })
}

/** Open files are what connections cost; the journal must never run out of them. */
function allowedConnections(): number {
  const limitsOfSystem = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  const files = Number(/^Max open files\s+(\d+)/m.exec(limitsOfSystem)?.[1] ?? Number.POSITIVE_INFINITY)
  return Math.max(1, Math.min(limits.connectionsMax, files - limits.filesReserved))
}
