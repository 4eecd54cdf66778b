/**
 * Sessions, queued and retained messages, half-done QoS 2 packets and wills outlive the process. aedes asks its
 * persistence; here that persistence is told to keep everything in a store of ours, on disk.
 *
 *     PUBLISH ─▶ journal ─▶ keep(): queued and retained on disk ─▶ PUBACK ─▶ aedes delivers to who is connected
 *
 * aedes itself queues behind the PUBACK, and a crash in between would lose what was acknowledged. What nobody has a
 * session for, and what is not retained, costs a look at the subscriptions and nothing else.
 */
import type { Client } from 'aedes'
import type { Logger } from 'pino'
import { type Clock, systemClock } from '../../telemetry/clock.ts'
import type { Counters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { AedesBroker } from '../aedes-internals.ts'
import type { Change } from './change.ts'
import { createEmptySessions } from './empty-sessions.ts'
import { createOutgoing } from './outgoing.ts'
import { createOwners } from './owners.ts'
import type { Persistence, PublishedPacket } from './persistence.ts'
import { type CommandRules, createQueues, type Lost } from './queues.ts'
import type { State } from './state.ts'
import { openSessionStore } from './store.ts'
import { createTaken } from './taken.ts'
import { createWills, type PublishWill } from './wills.ts'

export type SessionsOptions = {
  aedes: AedesBroker
  /** Null: everything ends with the process. */
  folder: string | null
  commands: CommandRules
  /** How long a client may take to come back after a restart before its will is published, milliseconds. */
  graceMs: number
  publishWill: PublishWill
  /** Whose connection it is, as plain data; kept with its will. */
  ownerOf: (client: Client) => unknown
  counters: Counters
  log: Logger
  clock?: Clock
}

export type Sessions = {
  state: State
  /** Call it before PUBACK; resolves when sessions and retained messages on disk know of the packet. Null: nobody keeps it. */
  keep(packet: PublishedPacket): Promise<void> | null
  /** The same, with the number that the packet will have in any case, and whose sessions keep it. `expiresAtMs`: null by topic. */
  keepCommand(packet: PublishedPacket, expiresAtMs: number | null): Promise<{ id: number; clients: string[] }>
  /** Whom sessions belong to; what is set is kept with them. */
  owners: Map<string, unknown>
  lost(): readonly Lost[]
  logBytes(): number
  /** Null: the disk takes what must be kept. */
  problem(): string | null
  /** From here on connections end because we do. */
  stop(): void
  close(): Promise<void>
}

/** Call it when aedes has its persistence, and before anybody connects. @throws StartError when the log is none of ours. */
export async function openSessions(options: SessionsOptions): Promise<Sessions> {
  const { aedes, counters, log } = options
  const now = (options.clock ?? systemClock).nowMs
  const store = await openSessionStore(options.folder, log)
  const { state } = store
  const { persistence } = aedes
  const owners = createOwners(store)
  // A session that holds nothing does not outlive the process.
  for (const client of owners.keys()) if (!state.sessions.has(client)) owners.delete(client)
  const queues = createQueues(store, options.commands, counters, now)
  // Ids are the numbers that aedes gives to packets: they go on where the last process stopped.
  aedes.counter = Math.max(aedes.counter, state.idMax())
  await restore(persistence, state)
  // Who was connected when the broker ended is away since then.
  for (const [client, { leftAtMs }] of state.sessions) if (leftAtMs === null) store.note(['left', client, now()])

  const wills = createWills(store, options.graceMs, options.publishWill, options.ownerOf, log)
  const taken = createTaken(store, (packet, ...more) => keeping(packet as PublishedPacket, ...more))
  replaceSubscriptions()
  Object.assign(persistence, createOutgoing(store, aedes.id, now), taken, {
    putWill: wills.putWill,
    delWill: wills.delWill,
    streamWill: wills.streamWill,
  })
  const storeRetained = persistence.storeRetained.bind(persistence)
  persistence.storeRetained = async (packet) => {
    if (packet.messageExpiry !== undefined) return
    const change = queues.retained(packet)
    if (change !== null) await Promise.all([store.change(change), storeRetained(withCopy(packet))])
  }
  persistence.outgoingEnqueueCombi = async (matches, packet) => {
    if (matches.length === 0 || packet.messageExpiry !== undefined) return
    const id = packet.brokerCounter as number
    const change = queues.queued(matches, packet, id, queues.expiresAtMs(packet.topic, now()))
    if (change !== null) await store.change(change)
  }
  persistence.outgoingEnqueue = ({ clientId }, packet) =>
    persistence.outgoingEnqueueCombi([{ clientId, topic: packet.topic, qos: packet.qos }], packet)

  aedes.on('client', ({ id }: Client) => {
    if (state.sessions.get(id)?.leftAtMs != null) store.note(['left', id, null])
    empty.back(id)
  })
  aedes.on('clientDisconnect', ({ id, clean }: Client & { clean?: boolean }) => {
    if (clean) return
    if (state.sessions.has(id)) store.note(['left', id, now()])
    else empty.left(id)
  })
  const empty = createEmptySessions(owners, end, counters, now)
  const timer = setInterval(() => {
    queues.sweep(end)
    empty.sweep()
  }, limits.sessionSweepMs)

  /** With what aedes itself keeps for it: a subscription that is left would begin the session anew. */
  function end(client: string): void {
    owners.delete(client)
    persistence.cleanSubscriptions({ id: client }).catch((error) => aedes.emit('error', error))
  }

  /**
   * What must be on disk before the packet is acknowledged, and with it `more`. From the look at a queue to the change of it
   * nothing else comes in between. The packet gets its number here, which says to aedes that it is kept.
   */
  async function keeping(packet: PublishedPacket, ...more: Change[]): Promise<void> {
    const matches = state.sessions.size === 0 ? [] : await persistence.subscriptionsByTopic(packet.topic)
    const changes: Change[] = []
    let retaining: Promise<void> | null = null
    if (matches.length > 0 || packet.retain) {
      const { id, expiresAtMs } = number(packet, null)
      const queued = queues.queued(matches, packet, id, expiresAtMs)
      if (queued !== null) changes.push(queued)
      const retained = packet.retain ? queues.retained(packet) : null
      if (retained !== null) {
        changes.push(retained)
        retaining = storeRetained(withCopy(packet))
      }
    }
    if (changes.length + more.length > 0) await Promise.all([store.change(...changes, ...more), retaining])
  }
  function number(packet: PublishedPacket, expiresAtMs: number | null): { id: number; expiresAtMs: number } {
    packet.brokerId = aedes.id
    packet.brokerCounter = ++aedes.counter
    packet.messageExpiry = expiresAtMs ?? queues.expiresAtMs(packet.topic, now())
    return { id: packet.brokerCounter, expiresAtMs: packet.messageExpiry }
  }

  function replaceSubscriptions(): void {
    const add = persistence.addSubscriptions.bind(persistence)
    persistence.addSubscriptions = async (client, subscriptions) => {
      if (!state.sessions.has(client.id) && state.sessions.size >= limits.sessionsMax) {
        counters.sessionsRefused++
        return
      }
      await add(client, subscriptions)
      await store.change(...subscriptions.map(({ topic, qos }): Change => ['subscribed', client.id, topic, qos]))
    }
    const remove = persistence.removeSubscriptions.bind(persistence)
    persistence.removeSubscriptions = async (client, filters) => {
      await remove(client, filters)
      if (!state.sessions.has(client.id)) return
      await store.change(...filters.map((filter): Change => ['unsubscribed', client.id, filter]))
    }
    const clean = persistence.cleanSubscriptions.bind(persistence)
    // [MQTT-3.1.2-6]: all of the session goes, not only what it had subscribed to.
    persistence.cleanSubscriptions = async (client) => {
      await clean(client)
      // Without a wait, as with wills: a CONNECT must not be overtaken by the next one of the same client.
      if (state.sessions.has(client.id)) store.note(['ended', client.id])
    }
  }

  return {
    state,
    keep(packet) {
      return state.sessions.size === 0 && !packet.retain ? null : keeping(packet)
    },
    async keepCommand(packet, expiresAtMs) {
      const matches = await persistence.subscriptionsByTopic(packet.topic)
      const numbered = number(packet, expiresAtMs)
      const queued = queues.queued(matches, packet, numbered.id, numbered.expiresAtMs)
      if (queued === null) return { id: numbered.id, clients: [] }
      await store.change(queued)
      return { id: numbered.id, clients: queued[2].map(([client]) => client) }
    },
    owners,
    lost: queues.lost,
    logBytes: store.logBytes,
    problem: store.problem,
    stop: wills.stop,
    async close() {
      wills.stop()
      clearInterval(timer)
      await store.close()
    },
  }
}

/** What the log told goes into aedes' own look-ups. */
async function restore(persistence: Persistence, { sessions, retained }: State): Promise<void> {
  for (const [id, { filters }] of sessions) {
    const subscriptions = [...filters].map(([topic, qos]) => ({ topic, qos: qos as 0 | 1 | 2 }))
    if (subscriptions.length > 0) await persistence.addSubscriptions({ id }, subscriptions)
  }
  for (const [topic, { payload, qos }] of retained) {
    await persistence.storeRetained({
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain: true,
      dup: false,
    } as PublishedPacket)
  }
}

/** What is retained for long must not hold the whole buffer that it came in. */
const withCopy = (packet: PublishedPacket): PublishedPacket => ({
  ...packet,
  payload: Buffer.from(packet.payload as Buffer),
})
