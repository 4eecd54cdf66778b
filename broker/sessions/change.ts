/** Everything that can happen to what the broker keeps for others, one entry each: applied to memory, and written to the log. */
import { Decoder, Encoder } from 'cbor-x'

export type Change =
  | [kind: 'subscribed', client: string, filter: string, qos: number]
  | [kind: 'unsubscribed', client: string, filter: string]
  /** When the client of a session went away; null: it is here. */
  | [kind: 'left', client: string, atMs: number | null]
  /** Subscriptions, queue and all are gone. */
  | [kind: 'ended', client: string]
  | Queued
  /** The packet identifier under which the client was sent the message. */
  | [kind: 'sent', client: string, id: number, messageId: number]
  /** The client has it, and owes us a PUBCOMP. */
  | [kind: 'released', client: string, id: number]
  /** Acknowledged, expired or dropped. */
  | [kind: 'gone', client: string, id: number]
  /** A QoS 2 packet of the client was taken and is not to be taken again, until its PUBREL. */
  | [kind: 'taken', client: string, messageId: number]
  | [kind: 'completed', client: string, messageId: number]
  /** An empty payload ends it [MQTT-3.3.1-10]. */
  | [kind: 'retained', topic: string, payload: Uint8Array, qos: number]
  /** `owner`: whose will it is, as plain data; null or absent: nobody knows. */
  | [kind: 'willed', client: string, topic: string, payload: Uint8Array, qos: number, retain: boolean, owner?: unknown]
  | [kind: 'unwilled', client: string]
  /** Whom a session belongs to, as plain data; null: nobody any more. */
  | [kind: 'owned', client: string, owner: unknown]

/** One message for all of these, each at its own QoS; its id is never used again. */
export type Queued = [
  kind: 'queued',
  id: number,
  to: Array<[client: string, qos: number]>,
  topic: string,
  payload: Uint8Array,
  queuedAtMs: number,
  expiresAtMs: number,
]

const encoder = new Encoder({ useRecords: false, tagUint8Array: false })
const decoder = new Decoder({ useRecords: false })

/** Changes that must be found together after a crash, or not at all. */
export const encodeChanges = (changes: Change[]): Buffer => encoder.encode(changes) as Buffer
export const decodeChanges = (bytes: Buffer): Change[] => decoder.decode(bytes) as Change[]
