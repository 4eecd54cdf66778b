/**
 * What we use of aedes 1.2.0 beyond its public types. aedes is pinned exactly, since these names carry no promise;
 * test/mqtt/aedes-order.test.ts fails when one of them goes missing or changes its meaning.
 */
import type { Socket } from 'node:net'
import type { Aedes, Client, Subscription } from 'aedes'
import type { Persistence as SessionPersistence } from './sessions/persistence.ts'

/** What a parser hands on, and what a client is sent: the fields that the mends look at. */
export type RawPacket = {
  cmd: string
  qos: number
  dup: boolean
  retain: boolean
  topic: string
  payload: Buffer | string
  messageId?: number
  length: number
  protocolVersion?: number
  clientId?: string
  clean?: boolean
  brokerId?: string | null
  brokerCounter?: number
  subscriptions?: Array<{ topic: string; qos: number }>
  unsubscriptions?: string[]
  /** Of a SUBACK. */
  granted?: number[]
}

export type Parser = {
  client: AedesClient
  parse(bytes: Buffer): number
  /** Parses the remaining length; true when it was whole. */
  _parseLength(): boolean
  _parseConnect(): unknown
  _parseConfirmation(): unknown
  _parseSubscribe(): unknown
  _parseUnsubscribe(): unknown
  /** false after an error. */
  _parseMessageId(): boolean
  /** null when it does not fit in the packet. */
  _parseString(): string | null
  _emitError(error: Error): void
  /** What was received and not handed on; the packet at hand begins at 0. */
  _list: {
    length: number
    consume(bytes: number): void
    readUInt8(at: number): number
    readUInt16BE(at: number): number
    slice(start: number, end: number): Buffer
    toString(encoding: 'latin1', start: number, end: number): string
  }
  _pos: number
  error: Error | null
  packet: RawPacket
  on(event: 'packet', listener: (this: Parser, packet: RawPacket) => void): void
  listeners(event: 'packet'): Array<(this: Parser, packet: RawPacket) => void>
  removeAllListeners(event: 'packet'): void
}

type Deliver = (packet: RawPacket, done: () => void) => void

export type AedesClient = Omit<Client, 'conn'> & {
  broker: object
  conn: Socket
  connackSent: boolean
  /** Set by a DISCONNECT packet only. */
  _disconnected: boolean
  _parser: Parser
  _paused?: boolean
  /** Packets handed on whose handling is not done. */
  _parsingBatch: number
  /** Called when the handling of a packet is done; read anew for each packet. */
  _nextBatch: (error?: Error) => void
  _keepaliveInterval: number
  _keepaliveTimer: NodeJS.Timeout | null
  /** Packet identifier of the next QoS 1 or 2 packet to the client. */
  _nextId: number
  /** Called once, when the CONNACK is on its way. */
  resume(): void
  duplicates: object
  subscriptions: { [filter: string]: { qos: number; func: Deliver } }
  /** Sends to a subscription of QoS 0. */
  deliver0: Deliver
  deliverQoS: Deliver
  waitForDrain(done: (error: Error | null, client: AedesClient) => void): void
}

export const internals = (client: Client): AedesClient => client as unknown as AedesClient

type Stream = AsyncIterable<RawPacket> & NodeJS.ReadableStream

/** What is used of aedes-persistence 11. */
export type AedesPersistence = SessionPersistence & {
  /** Of ours (mends/retained-lookup.ts): a stream for each filter of a SUBSCRIBE costs more than all else of it. */
  matchRetained(filter: string): Iterable<RawPacket>
  subscriptionsByClient(client: { id: string }): Promise<Subscription[]>
  createRetainedStream(filter: string): Stream
  createRetainedStreamCombi(filters: string[]): Stream
}

export type AedesBroker = Aedes & {
  persistence: AedesPersistence
  /** The option is clamped to 100, which is what mqemitter can match. */
  maxTopicLevels: number
  /** Of the last packet that the broker has numbered. */
  counter: number
  mq: Emitter
  clients: { [id: string]: Client | undefined }
  connectedClients: number
}

/** Live subscriptions, as mends/delivery.ts keeps them. */
export type Emitter = {
  hasListener(topic: string): boolean
  /** Somebody listens who is more than an onlooker: with a higher QoS than 0, or the broker itself. */
  hasMoreThanOnlookers(topic: string): boolean
  /** Clients that have subscribed to it with QoS 0, each once. */
  onlookers(topic: string): AedesClient[]
  /** Whether there are any, whatever the topic. */
  hasOnlookers(): boolean
  /** How often subscriptions have changed. */
  changes(): number
  on(topic: string, notify: unknown, done?: () => void): Emitter
  /** Takes effect in a later turn, just before `done`. */
  removeListener(topic: string, notify: unknown, done?: () => void): Emitter
}
