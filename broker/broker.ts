/**
 * MQTT in. The promise: PUBACK (QoS 1) and PUBREC (QoS 2) leave only after accept() resolved. aedes offers one place
 * for that before each of them: authorizePublish for QoS 0 and 1, the store of incoming packets for QoS 2, which is
 * asked only for packets that are no repetition.
 */
import type { Socket } from 'node:net'
import { Aedes, type Client } from 'aedes'
import type { Logger } from 'pino'
import { type Counters, count } from '../telemetry/counters.ts'
import type { NextEpoch } from '../telemetry/epoch.ts'
import { limits } from '../telemetry/limits.ts'
import { type Accept, lifeCycle, MessageKind, type PacketEntrance } from '../telemetry/message.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { type Access, type AccessConfig, createAccess } from './access/access.ts'
import type { Account } from './access/account.ts'
import { shownCertificate } from './access/certificate-names.ts'
import type { Certificate } from './access/credentials.ts'
import { discardSession } from './access/discard-session.ts'
import type { Owner } from './access/identity.ts'
import type { UserPassword } from './access/sign-in.ts'
import { type AccessLogConfig, createAccessLog } from './access-log.ts'
import { type AedesBroker, type AedesClient, internals } from './aedes-internals.ts'
import { watchAudience } from './audience.ts'
import { createFastLane } from './fast-lane.ts'
import { createHooks } from './hooks.ts'
import { createInOrder } from './in-order.ts'
import { createIntake, type Intake } from './intake.ts'
import { createKnownTopics } from './known-topics.ts'
import { ownRules } from './lane-rules.ts'
import { type Address, type Listeners, openListeners } from './listeners.ts'
import { createMends } from './mends/mends.ts'
import { indexRetained } from './mends/retained-lookup.ts'
import { showOnlookers } from './onlookers.ts'
import { createPresence } from './presence.ts'
import { type Commands, createCommands } from './sessions/commands.ts'
import type { CommandRules } from './sessions/queues.ts'
import { openSessions, type Sessions } from './sessions/sessions.ts'
import { startSystemTopics } from './system-topics.ts'
import { createTake, type Take, willOf } from './take.ts'
import type { TlsFiles } from './tls.ts'
import { countedPackets } from './traffic.ts'
import { type Scheme, socketOf, type Transport } from './way-in.ts'
import { createGrants } from './workers/grants.ts'
import { RelayStream } from './workers/relay-stream.ts'
import { createWorkers, type WorkerStatus, type Workers, type WorkersOptions } from './workers/workers.ts'

export type { Address } from './listeners.ts'

export type BrokerOptions = {
  listen: Address[]
  /** For mqtts and wss. */
  tls?: TlsFiles | null
  /** Pages of other hosts that may open a WebSocket. */
  origins?: readonly string[]
  /** Connections of each listener of a scheme. */
  connectionsMax?: Partial<Record<Scheme, number>>
  /** One account that all devices share; null: there is none, and without `access` anybody may connect. */
  credentials: UserPassword | null
  /** Null or absent: no device has credentials of its own. */
  access?: AccessConfig | null
  /** The verified certificate of a client that connected with one; absent: as the listeners tell. */
  certificateOf?: (client: Client) => Certificate | null
  /** Where sessions, retained messages and wills are kept; absent: they end with the process. */
  folder?: string
  /** Messages that wait shorter or longer for a session than others. */
  commands?: CommandRules
  /** Topic pattern of births and wills. */
  statusTopic: string
  accept: Accept
  /** The journal's way in for readings that need nothing of aedes; null or absent: all of them take the long way. */
  packets?: PacketEntrance | null
  /** Processes that carry the connections; null or absent: this one does. */
  workers?: WorkersOptions | null
  /** The connection of the epoch is gone: what still waits for accept() is not wanted any more. */
  abandon: (epoch: number) => void
  nextEpoch: NextEpoch
  /** Whose connects and messages are logged; absent: nobody's. */
  accessLog?: AccessLogConfig
  /** As $SYS tells it. */
  version?: string
  /** false while the journal has failed: new connections are refused, so that devices try again later. */
  isAccepting: () => boolean
  counters: Counters
  log: Logger
}

export type Broker = {
  /** Where it listens; a port 0 is replaced by the real one. */
  addresses: Required<Address>[]
  /** Reads the files of broker.tls again; a pair that does not fit is told in the log and changes nothing. */
  reloadCertificate(why: string): void
  /** Reads the devices file again when it is another. */
  reloadDevices(): Promise<void>
  /** Devices that have a credential of their own, as the devices file says now. */
  expectedDevices(): Iterable<Account>
  /** Publishes for the platform itself; not journaled. */
  publish(topic: string, payload: string, options: { retain: boolean }): Promise<void>
  commands: Pick<Commands, 'send' | 'pending' | 'lost'>
  /** What is kept for others. */
  stats(): BrokerStats
  /** Of each worker; empty without workers. */
  workers(): WorkerStatus[]
  /** Whether the journal has room for readings: workers put none into their parts without it. */
  room(hasRoom: boolean): void
  /** What stands before the position in a worker's part of the journal is stored. */
  releasePart(part: number, position: number): void
  /** Why sessions cannot be kept now; null: they can. */
  sessionProblem(): string | null
  /** Takes no more messages, ends all connections. */
  close(): Promise<void>
}

export type BrokerStats = {
  /** Admitted and connected now. */
  clients: number
  subscriptions: number
  sessions: number
  queued: number
  queuedBytes: number
  retained: number
  retainedBytes: number
  sessionLogBytes: number
}

function certificateOf({ conn }: Client): Certificate | null {
  return conn instanceof RelayStream ? conn.certificate : shownCertificate(socketOf(conn as Transport))
}

/** A client that a worker hears of lives [MQTT-3.1.2-24]. */
function alive(client: Client): void {
  const { _keepaliveInterval, _keepaliveTimer } = internals(client)
  if (_keepaliveInterval > 0) _keepaliveTimer?.refresh()
}

/** @throws StartError when an address cannot be listened on, or the devices file or the sessions cannot be read. */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  const { accept, counters, log } = options
  const status = topicPattern(options.statusTopic)
  const onLost = (error: unknown) => log.error({ err: error }, 'a start or disconnect could not be kept')
  const accessLog = createAccessLog(options.accessLog ?? { connects: 0, publishes: 0 }, counters, log)
  const presence = createPresence(accept, options.abandon, options.nextEpoch, onLost, accessLog.ended)
  const isStatus = (topic: string) => status.match(topic) !== null
  const takeIt = createTake({ accept, isStatus, epochOf: presence.epochOf, counters })
  const take: Take = (client, packet, isWill) => {
    // Whose messages are logged go the long way.
    const isPlain = client !== null && !isWill && packet.qos < 2 && !packet.retain
    const mayBeFast = isPlain && !accessLog.follows(client)
    if (mayBeFast) grants.allowed(client, packet.topic)
    const taken = takeIt(client, packet, isWill)
    return client === null ? taken : accessLog.published(client, packet, isWill, taken)
  }
  const inOrder = createInOrder()
  let closing = false
  const hooks = createHooks({
    parts: () => ({ access, sessions, commands }),
    take,
    inOrder,
    presence,
    accessLog,
    certificateOf: options.certificateOf ?? certificateOf,
    isAccepting: options.isAccepting,
    isClosing: () => closing,
    counters,
    log,
  })
  const mends = createMends({
    counters,
    hasSession: (clientId) => sessions.state.sessions.has(clientId),
    intake: (client, settled) => intake(client, settled),
  })
  const aedes = new Aedes(mends.options(hooks)) as AedesBroker
  const endAedes = () => new Promise<void>((resolve) => aedes.close(resolve))
  const publish = (packet: object) =>
    new Promise<void>((resolve, reject) => {
      const whole = { cmd: 'publish', dup: false, ...packet }
      aedes.publish(whole as never, (error?: Error | null) => (error ? reject(error) : resolve()))
    })

  await aedes.listen()
  const { persistence } = aedes
  indexRetained(persistence)
  const retainInMemory = persistence.storeRetained
  let sessions: Sessions
  let access: Access
  try {
    sessions = await openSessions({
      aedes,
      folder: options.folder ?? null,
      commands: options.commands ?? { topics: [], expiryMs: 0 },
      graceMs: limits.reconnectGraceMs,
      ownerOf: (client) => access.ownerOf(client),
      async publishWill(client, will) {
        const refusal = access.willRefusal(will.owner as Owner | null, will.topic)
        if (refusal !== null) return count(counters.refused, refusal)
        await accept(willOf(client, will))
        await publish(will)
      },
      counters,
      log,
    })
  } catch (error) {
    await endAedes()
    throw error
  }
  const commands = createCommands(sessions, publish, counters)
  try {
    access = await createAccess({
      config: options.access ?? null,
      shared: options.credentials,
      owners: sessions.owners as Map<string, Owner>,
      discardSession: (clientId) => discardSession(persistence, clientId),
      counters,
      log,
    })
  } catch (error) {
    await endAedes()
    await sessions.close()
    throw error
  }
  const storeIncoming = persistence.incomingStorePacket
  persistence.incomingStorePacket = async (client, packet) => {
    await take(client, packet, false)
    await inOrder(client, storeIncoming(client, packet))
  }
  const mayReceive = (client: AedesClient, topic: string) =>
    aedes.authorizeForward(client as unknown as Client, { topic } as never) !== null
  const shown = options.packets && showOnlookers(options.packets, { emitter: aedes.mq, mayReceive, counters })
  const packets = shown ? countedPackets(shown, counters, accessLog.took) : null
  // What workers take by themselves is shown to nobody.
  const showsOnlookers = packets !== null && options.workers == null
  const isHeard = watchAudience(aedes, (filter) => workers?.heard(filter) ?? null, showsOnlookers)
  const { epochOf } = presence
  const { takesNow } = access
  const mayPublish = (client: Client, topic: string) => !accessLog.follows(client) && access.mayPublish(client, topic)
  const topics = createKnownTopics(isStatus)
  const grants = createGrants({ topics, isHeard, rateOf: access.rateOf, epochOf })
  const rules = ownRules({ topics, isHeard, access: { takesNow, mayPublish }, epochOf })
  const lane = packets && createFastLane(packets, rules, counters)
  const ownIntake = createIntake(packets && lane && { packets, lane })
  const intake: Intake = (client, settled) => grants.inlet(client) ?? ownIntake(client, settled)
  mends.listening(aedes)
  aedes.on('subscribe', (subscriptions, client) => accessLog.subscribed(client, subscriptions))
  aedes.on('unsubscribe', (filters, client) => accessLog.unsubscribed(client, filters))
  aedes.on('keepaliveTimeout', presence.sawKeepAliveTimeout)
  const onConnectionError = (client: Client, error: Error) =>
    log.debug({ client: client.id, err: error }, 'client error')
  aedes.on('clientError', onConnectionError)
  aedes.on('connectionError', onConnectionError)

  const connected = (transport: Transport | RelayStream) => mends.connected(aedes.handle(transport as Socket))
  const workers: Workers | null =
    options.workers == null ? null : createWorkers(options.workers, { ...grants, connected, alive }, counters, log)
  // Its place before every connect is all that counts; on a full disk it waits like everything else.
  accept(lifeCycle(MessageKind.start, '', 0, '')).catch(onLost)
  const { version = '' } = options
  const { state } = sessions
  const systemTopics = startSystemTopics({ aedes, state, retain: retainInMemory, publish, version, counters })
  let listeners: Listeners | null = null
  const closeAll = async () => {
    closing = true
    systemTopics.stop()
    presence.stop()
    access.close()
    sessions.stop()
    const stopped = listeners?.stop()
    await endAedes()
    // Sockets that never became clients; aedes does not know of them.
    listeners?.destroy()
    await workers?.close()
    await stopped
    await sessions.close()
  }
  try {
    listeners = await openListeners({
      ...options,
      connectionsPerAddress: options.access?.connectionsPerAddress ?? null,
      connected,
      workers,
    })
  } catch (error) {
    await closeAll()
    throw error
  }

  return {
    addresses: listeners.addresses,
    reloadCertificate: listeners.reloadCertificate,
    reloadDevices: access.reload,
    expectedDevices: access.expected,
    publish: (topic, payload, { retain }) => publish({ topic, payload: Buffer.from(payload), qos: 1, retain }),
    commands,
    stats: () => ({
      clients: aedes.connectedClients,
      subscriptions: counters.subscriptionsLive,
      sessions: sessions.state.sessions.size,
      queued: sessions.state.queuedCount(),
      queuedBytes: sessions.state.queuedBytes(),
      retained: sessions.state.retained.size,
      retainedBytes: sessions.state.retainedBytes(),
      sessionLogBytes: sessions.logBytes(),
    }),
    workers: () => workers?.status() ?? [],
    room: (hasRoom) => workers?.room(hasRoom),
    releasePart: (part, position) => workers?.release(part, position),
    sessionProblem: sessions.problem,
    close: closeAll,
  }
}
