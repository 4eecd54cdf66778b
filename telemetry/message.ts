/**
 * What travels from an entrance to the journal, and back out of it. A Message is an MQTT publish as taken, or a life
 * cycle event of a connection: connects, wills and disconnects take the same path as readings, so that one order holds
 * for all of them. A Record is a Message that stands in the journal.
 */

/** Stable numbers: they are written to disk (journal/FORMAT.md). */
export const MessageKind = {
  /** A PUBLISH of a client. The only kind that counts as a reading in the counters. */
  publish: 0,
  /** A PUBLISH on the status topic: a birth, or a device's own word that it leaves. */
  birth: 1,
  /** The will of a connection that ended without DISCONNECT; from a source, a status of `offline`. */
  will: 2,
  /** A connection was admitted; payload: ConnectDetails as JSON. */
  connect: 3,
  /** A connection ended; payload: DisconnectDetails as JSON. */
  disconnect: 4,
  /** The broker started: every earlier epoch is over, by no fault of the devices. */
  start: 5,
  /** Liveness saw a device change its state; payload: StateChange as JSON. */
  state: 6,
  /** A quarantined message is decided again; payload: ReplayDetails as JSON. */
  replay: 7,
  /** Time has passed, and nothing else came to tell it: whoever is due by then is due. */
  tick: 8,
  /** What the platform says of devices and alerts, for the store; payload: points as JSON (platform-points.ts). */
  points: 9,
} as const
export type MessageKind = (typeof MessageKind)[keyof typeof MessageKind]

export type Qos = 0 | 1 | 2

export type Message = {
  kind: MessageKind
  qos: Qos
  dup: boolean
  retain: boolean
  /** MQTT packet identifier; 0 with QoS 0 and for everything that is no PUBLISH. */
  packetId: number
  /** Which connection it came by: unique over the life of the data folder. 0: none. */
  epoch: number
  /** MQTT client identifier, or the name of another entrance (client.ts); '' for what the platform says itself. */
  client: string
  topic: string
  payload: Buffer
}

export type Record = Message & {
  /** Byte position of the record in the journal; grows over the life of the data folder. */
  position: number
  /** How many messages of kind publish the journal holds up to and with this one. */
  ordinal: number
  /** Microseconds since 1970, strictly increasing from record to record: no two records share a receive time. */
  receivedAtUs: number
}

export type ConnectDetails = { address: string; keepAliveS: number; clean: boolean; willTopic?: string }

/**
 * `client`: a DISCONNECT packet, the device left by itself. `worker`: a process of ours ended, which says nothing about the
 * device. Everything else is a connection that broke.
 */
export type DisconnectReason = 'client' | 'closed' | 'keepalive' | 'replaced' | 'worker'
export type DisconnectDetails = { reason: DisconnectReason }

/** An entrance's only wish: resolves when the message will not be lost. Rejects with FatalError when that can't be said. */
export type Accept = (message: Message) => Promise<void>

/**
 * A PUBLISH, not retained, that stands whole in what was read from a socket. One object serves all packets of an entrance:
 * whoever takes it copies what it keeps.
 */
export type PublishPacket = {
  kind: MessageKind
  qos: 0 | 1
  dup: boolean
  packetId: number
  epoch: number
  /** UTF-8. */
  client: Uint8Array
  /** Topic and payload stand here. */
  bytes: Uint8Array
  topicAt: number
  topicEnd: number
  payloadAt: number
  payloadEnd: number
}

/** The way into the journal for many small packets: nothing is made for a single one, and one call tells of them all. */
export type PacketEntrance = {
  /** Takes a packet; the position behind it, or -1: it is not taken now, Accept may wait for it. */
  append(packet: PublishPacket): number
  /**
   * The listener hears, before any promise of Accept resolves, up to where everything is durable. With an error: nothing
   * behind that position can be said to be.
   */
  onSettled(listener: (durable: number, error: Error | null) => void): void
  /** Bytes that were taken and are not durable. */
  unsynced(): number
}

/** How far a journal reaches: where the next record will stand, the readings before it, the last receive time. */
export type JournalEnd = { position: number; ordinal: number; receivedAtUs: number }

const empty = Buffer.alloc(0)

/** A message that the platform writes itself: no QoS, no flags. `details` travel as JSON. */
export function lifeCycle(kind: MessageKind, client: string, epoch: number, topic: string, details?: object): Message {
  const payload = details === undefined ? empty : Buffer.from(JSON.stringify(details))
  return { kind, qos: 0, dup: false, retain: false, packetId: 0, epoch, client, topic, payload }
}
