/**
 * What the broker keeps for others, in memory: sessions with their queues, retained messages, wills. It changes by
 * apply() alone, so that the same changes, read from the log, give the same state. A change for something that is not
 * there does nothing: a snapshot may hold what a change behind it tells again.
 */
import type { Change, Queued } from './change.ts'

/** A message that waits for a session, or is on its way to it. */
export type Entry = {
  id: number
  topic: string
  /** Empty once it is released: only the handshake is left. */
  payload: Buffer
  qos: number
  queuedAtMs: number
  expiresAtMs: number
  /** Null: never sent. */
  messageId: number | null
  isReleased: boolean
}

export type Session = {
  filters: Map<string, number>
  /** By id, in the order in which they came. */
  entries: Map<number, Entry>
  byMessageId: Map<number, Entry>
  bytes: number
  /** Identifiers of QoS 2 packets whose PUBREL is due. */
  taken: Set<number>
  /** Null: its client is connected. */
  leftAtMs: number | null
}

export type Retained = { payload: Buffer; qos: number }
/** `owner`: null: nobody knows whose it is. */
export type Will = { topic: string; payload: Buffer; qos: 0 | 1 | 2; retain: boolean; owner: unknown }

export type State = {
  sessions: ReadonlyMap<string, Session>
  retained: ReadonlyMap<string, Retained>
  wills: ReadonlyMap<string, Will>
  owners: ReadonlyMap<string, unknown>
  /** Memory of all queues, and of retained messages. */
  queuedBytes(): number
  queuedCount(): number
  retainedBytes(): number
  /** The highest id of a message ever seen. */
  idMax(): number
  apply(change: Change): void
  /** The shortest way to the state of now; may be read while it changes. */
  snapshot(): Iterable<Change[]>
}

type OfSession = Extract<
  Change,
  ['ended' | 'left' | 'unsubscribed' | 'completed' | 'sent' | 'released' | 'gone', ...unknown[]]
>

/** What an entry takes besides its texts. */
const entryBytes = 200

export const sizeOfEntry = (topic: string, payload: Uint8Array): number => entryBytes + topic.length + payload.length
export const sizeOfRetained = sizeOfEntry

export function createState(): State {
  const sessions = new Map<string, Session>()
  const retained = new Map<string, Retained>()
  const wills = new Map<string, Will>()
  const owners = new Map<string, unknown>()
  let queuedBytes = 0
  let queuedCount = 0
  let retainedBytes = 0
  let idMax = 0

  function needed(client: string): Session {
    let session = sessions.get(client)
    if (session === undefined) {
      session = {
        filters: new Map(),
        entries: new Map(),
        byMessageId: new Map(),
        bytes: 0,
        taken: new Set(),
        leftAtMs: null,
      }
      sessions.set(client, session)
    }
    return session
  }
  /** A session that holds nothing is none. */
  function tidy(client: string, { filters, entries, taken }: Session): void {
    if (filters.size === 0 && entries.size === 0 && taken.size === 0) sessions.delete(client)
  }
  function resize(session: Session, bytes: number): void {
    session.bytes += bytes
    queuedBytes += bytes
  }
  function remove(session: Session, entry: Entry): void {
    session.entries.delete(entry.id)
    withdraw(session, entry.messageId)
    resize(session, -sizeOfEntry(entry.topic, entry.payload))
    queuedCount--
  }

  function queue([, id, to, topic, bytes, queuedAtMs, expiresAtMs]: Queued): void {
    idMax = Math.max(idMax, id)
    // A copy: what came from a socket is a view of a buffer many times as large.
    const payload = Buffer.from(bytes)
    for (const [client, qos] of to) {
      const session = needed(client)
      if (session.entries.has(id)) continue
      const entry = { id, topic, payload, qos, queuedAtMs, expiresAtMs, messageId: null, isReleased: false }
      session.entries.set(id, entry)
      resize(session, sizeOfEntry(topic, payload))
      queuedCount++
    }
  }
  function send(session: Session, entry: Entry, messageId: number): void {
    withdraw(session, entry.messageId)
    entry.messageId = messageId
    session.byMessageId.set(messageId, entry)
  }
  /** A message id stands for one entry at a time: whoever had it has none. */
  function withdraw(session: Session, messageId: number | null): void {
    const holder = messageId === null ? undefined : session.byMessageId.get(messageId)
    if (holder === undefined) return
    holder.messageId = null
    session.byMessageId.delete(messageId as number)
  }
  function release(session: Session, entry: Entry): void {
    resize(session, -entry.payload.length)
    entry.payload = nothing
    entry.isReleased = true
  }
  function retain(topic: string, bytes: Uint8Array, qos: number): void {
    const before = retained.get(topic)
    if (before !== undefined) retainedBytes -= sizeOfRetained(topic, before.payload)
    if (bytes.length === 0) {
      retained.delete(topic)
      return
    }
    retained.set(topic, { payload: Buffer.from(bytes), qos })
    retainedBytes += sizeOfRetained(topic, bytes)
  }

  function apply(change: Change): void {
    const [kind, name] = change
    if (kind === 'queued') queue(change)
    else if (kind === 'subscribed') needed(change[1]).filters.set(change[2], change[3])
    else if (kind === 'taken') needed(change[1]).taken.add(change[2])
    else if (kind === 'retained') retain(change[1], change[2], change[3])
    else if (kind === 'willed') {
      const [, client, topic, payload, qos, isRetained, owner = null] = change
      wills.set(client, { topic, payload: Buffer.from(payload), qos: qos as Will['qos'], retain: isRetained, owner })
    } else if (kind === 'unwilled') wills.delete(change[1])
    else if (kind === 'owned' && change[2] !== null) owners.set(change[1], change[2])
    else if (kind === 'owned') owners.delete(change[1])
    else {
      const session = sessions.get(name)
      if (session !== undefined) applyTo(session, change)
    }
  }
  function applyTo(session: Session, change: OfSession): void {
    const [kind, client] = change
    if (kind === 'ended') {
      for (const entry of session.entries.values()) remove(session, entry)
      sessions.delete(client)
      return
    }
    if (kind === 'left') session.leftAtMs = change[2]
    else if (kind === 'unsubscribed') session.filters.delete(change[2])
    else if (kind === 'completed') session.taken.delete(change[2])
    else {
      // Also when its entry is gone already: a snapshot may be newer than the changes that follow it.
      if (kind === 'sent') withdraw(session, change[3])
      const entry = session.entries.get(change[2])
      if (entry === undefined) return
      if (kind === 'sent') send(session, entry, change[3])
      else if (kind === 'released') release(session, entry)
      else remove(session, entry)
    }
    tidy(client, session)
  }

  function* snapshot(): Iterable<Change[]> {
    for (const [topic, { payload, qos }] of retained) yield [['retained', topic, payload, qos]]
    for (const [client, { topic, payload, qos, retain: isRetained, owner }] of wills)
      yield [['willed', client, topic, payload, qos, isRetained, owner]]
    for (const [client, owner] of owners) yield [['owned', client, owner]]
    for (const [client, session] of sessions) yield sessionChanges(client, session)
  }

  return {
    sessions,
    retained,
    wills,
    owners,
    queuedBytes: () => queuedBytes,
    queuedCount: () => queuedCount,
    retainedBytes: () => retainedBytes,
    idMax: () => idMax,
    apply,
    snapshot,
  }
}

const nothing = Buffer.alloc(0)

function sessionChanges(client: string, { filters, entries, taken, leftAtMs }: Session): Change[] {
  const changes: Change[] = []
  for (const [filter, qos] of filters) changes.push(['subscribed', client, filter, qos])
  for (const messageId of taken) changes.push(['taken', client, messageId])
  for (const { id, topic, payload, qos, queuedAtMs, expiresAtMs, messageId, isReleased } of entries.values()) {
    changes.push(['queued', id, [[client, qos]], topic, payload, queuedAtMs, expiresAtMs])
    if (messageId !== null) changes.push(['sent', client, id, messageId])
    if (isReleased) changes.push(['released', client, id])
  }
  changes.push(['left', client, leftAtMs])
  return changes
}
