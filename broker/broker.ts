/**
 * MQTT in. The promise: PUBACK (QoS 1) and PUBREC (QoS 2) leave only after accept() resolved. aedes offers one place
 * for that before each of them: authorizePublish for QoS 0 and 1, the store of incoming packets for QoS 2, which is
 * asked only for packets that are no repetition.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import {
  Aedes,
  type AedesOptions,
  type AuthenticateError,
  type Client,
  type ConnectPacket,
  type PublishPacket,
} from 'aedes'
import type { Logger } from 'pino'
import { type Counters, count } from '../telemetry/counters.ts'
import type { NextEpoch } from '../telemetry/epoch.ts'
import { AbandonedError, type RefusalCode, refusalCodes, StartError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type Accept, lifeCycle, type Message, MessageKind, type Qos } from '../telemetry/message.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { topicRefusal } from '../telemetry/topic-rules.ts'
import { type AccessConfig, createAccess } from './access/access.ts'
import { addressGroup, createAddressCount } from './access/addresses.ts'
import type { Certificate } from './access/credentials.ts'
import { discardSession, type SessionStore } from './access/discard-session.ts'
import type { Owner } from './access/identity.ts'
import type { UserPassword } from './access/sign-in.ts'
import { createThrottle } from './access/throttle.ts'
import { clientIdRefusal, connackCode } from './admission.ts'
import { type AedesPersistence, internals } from './aedes-internals.ts'
import { createMends } from './mends/mends.ts'
import { indexRetained } from './mends/retained-lookup.ts'
import { createPresence } from './presence.ts'
import { createRefusalLog } from './refusal-log.ts'
import { boundSessions } from './sessions.ts'

type IncomingStore = { incomingStorePacket(client: Client, packet: PublishPacket): Promise<void> }

export type Address = { host: string; port: number }

export type BrokerOptions = {
  listen: Address[]
  /** One account that all devices share; null: there is none, and without `access` anybody may connect. */
  credentials: UserPassword | null
  /** Null or absent: no device has credentials of its own. */
  access?: AccessConfig | null
  /** The verified certificate of a client that connected with one. Absent: no listener asks for any. */
  certificateOf?: (client: Client) => Certificate | null
  /** Owners of persistent sessions; absent: sessions do not outlive the process either. */
  sessionOwners?: Map<string, Owner>
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
  /** Reads the devices file again when it is another. */
  reloadDevices(): Promise<void>
  /** Takes no more messages, ends all connections. */
  close(): Promise<void>
}

/** @throws StartError when an address cannot be listened on. */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  const { accept, counters, log } = options
  const status = topicPattern(options.statusTopic)
  const onLost = (error: unknown) => log.error({ err: error }, 'a start or disconnect could not be kept')
  const presence = createPresence(accept, options.abandon, options.nextEpoch, onLost)
  const connects = new WeakMap<Client, ConnectPacket>()
  const logRefusal = createRefusalLog(log)
  const throttle = createThrottle()
  let closing = false

  const mends = createMends(counters, () => false)
  const hooks: AedesOptions = {
    connectTimeout: limits.connectTimeoutMs,
    maxClientsIdLength: limits.clientIdBytesMax,
    preConnect(client, packet, done) {
      connects.set(client, packet)
      done(null, true)
    },
    authenticate(client, username, password, done) {
      admit(client, username, password).then(
        (refusal) => (refusal === null ? done(null, true) : done(refuse(refusal, client), false)),
        () => done(refuse('not_accepting', client), false),
      )
    },
    authorizeSubscribe(client, subscription, done) {
      if (access.maySubscribe(client, subscription.topic)) return done(null, subscription)
      refuse('subscription_denied', client, { filter: subscription.topic })
      done(null, null)
    },
    authorizeForward: (client, packet) => (access.mayReceive(client, packet.topic) ? packet : null),
    authorizePublish(client, packet, done) {
      // A will has no command; a dead broker's will has no client either.
      const isWill = packet.cmd === undefined
      if (isWill && closing) return done(new Error('broker is closing'))
      // 3.1.1 has no way to say no: without PUBACK and connection the device keeps its reading [MQTT-3.3.5-2].
      const isAllowed = client === null || access.mayPublish(client, packet.topic)
      const refusal =
        topicRefusal(packet.topic) ??
        (isAllowed ? null : 'topic_denied') ??
        (options.isAccepting() ? null : 'not_accepting')
      if (refusal !== null) {
        if (!isWill) {
          counters.received++
          counters.refusedReadings++
        }
        return done(refuse(refusal, client, { topic: packet.topic }))
      }
      const isReading = client !== null && !isWill
      const held = isReading ? throttle.hold(client, access.waitMs(client, packet.payload.length)) : null
      if (held === null) return takeUnlessQos2()
      held.then(() => {
        if (!internals(client as Client).conn.destroyed) return takeUnlessQos2()
        counters.received++
        counters.refusedReadings++
        done(refuse('abandoned', client))
      })

      function takeUnlessQos2(): void {
        if (packet.qos === 2 && !isWill) done(null)
        else take(client, packet, isWill).then(() => done(null), done)
      }
    },
  }
  const aedes = new Aedes(mends.options(hooks))

  async function admit(client: Client, username?: string, password?: Buffer): Promise<RefusalCode | null> {
    const packet = connects.get(client) as ConnectPacket
    const { clientId, keepalive = 0, clean = true, will } = packet
    const { conn } = internals(client)
    if (!options.isAccepting()) return 'not_accepting'
    const refusal = clientIdRefusal(clientId, clean)
    if (refusal !== null) return refusal
    if (will !== undefined && topicRefusal(will.topic) !== null) return 'client_id_invalid'
    conn.once('close', () => access.left(client))
    const denied = await access.admit(client, {
      username,
      password,
      givenId: clientId,
      clientId: client.id,
      isClean: clean,
      willTopic: will?.topic,
      remoteAddress: conn.remoteAddress ?? '',
      certificate: options.certificateOf?.(client) ?? null,
      end: (code) => conn.destroy(new Error(refusalCodes[code])),
      isOpen: () => !conn.destroyed,
    })
    if (denied !== null) return denied
    await presence.begin(client, { keepAliveS: keepalive, clean, ...(will && { willTopic: will.topic }) })
    return null
  }

  function refuse(code: RefusalCode, client: Client | null, details: object = {}): AuthenticateError {
    count(counters.refused, code)
    const username = client === null ? undefined : connects.get(client)?.username
    logRefusal(code, { client: client?.id, username, ...details })
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
  const { persistence } = aedes as unknown as { persistence: AedesPersistence & IncomingStore & SessionStore }
  indexRetained(persistence)
  boundSessions(persistence, counters)
  const access = await createAccess({
    config: options.access ?? null,
    shared: options.credentials,
    owners: options.sessionOwners ?? new Map(),
    discardSession: (clientId) => discardSession(persistence, clientId, aedes.id),
    counters,
    log,
  }).catch(async (error: unknown) => {
    await new Promise<void>((resolve) => aedes.close(resolve))
    throw error
  })
  const storeIncoming = persistence.incomingStorePacket.bind(persistence)
  persistence.incomingStorePacket = async (client, packet) => {
    await take(client, packet, false)
    return storeIncoming(client, packet)
  }
  mends.listening(aedes)
  aedes.on('keepaliveTimeout', presence.sawKeepAliveTimeout)
  const onConnectionError = (client: Client, error: Error) =>
    log.debug({ client: client.id, err: error }, 'client error')
  aedes.on('clientError', onConnectionError)
  aedes.on('connectionError', onConnectionError)

  const sockets = new Set<Socket>()
  const addresses = createAddressCount(options.access?.connectionsPerAddress ?? Number.POSITIVE_INFINITY)
  const connectionsMax = allowedConnections()
  function connected(socket: Socket): void {
    if (sockets.size >= connectionsMax) {
      count(counters.refused, 'too_many_connections')
      socket.destroy()
      return
    }
    const address = addressGroup(socket.remoteAddress ?? '')
    if (!addresses.enter(address)) {
      count(counters.refused, 'too_many_connections_from_address')
      socket.destroy()
      return
    }
    sockets.add(socket)
    counters.connectionsOpen = sockets.size
    counters.connectionsTotal++
    socket.once('close', () => {
      sockets.delete(socket)
      addresses.leave(address)
      counters.connectionsOpen = sockets.size
    })
    mends.connected(aedes.handle(socket))
  }

  const servers: Server[] = []
  // Its place before every connect is all that counts; on a full disk it waits like everything else.
  accept(lifeCycle(MessageKind.start, '', 0, '')).catch(onLost)
  const closeAll = async () => {
    closing = true
    presence.stop()
    access.close()
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
    reloadDevices: access.reload,
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
