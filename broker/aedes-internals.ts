/**
 * What we use of aedes 1.2.0 beyond its public types. aedes is pinned exactly, since these names carry no promise;
 * broker.test.ts fails when one of them goes missing.
 */
import type { Socket } from 'node:net'
import type { Client } from 'aedes'

export type Parser = {
  parse(bytes: Buffer): number
  /** Parses the remaining length; true when it was whole. */
  _parseLength(): boolean
  _emitError(error: Error): void
  _list: { length: number; consume(bytes: number): void }
  packet: { length: number }
}

export type AedesClient = Omit<Client, 'conn'> & {
  conn: Socket
  connackSent: boolean
  /** Set by a DISCONNECT packet only. */
  _disconnected: boolean
  _parser: Parser
  _paused?: boolean
  /** Packets parsed whose handling is not done. */
  _parsingBatch: number
  _nextBatch: (error?: Error) => void
  duplicates: object
  /** Sends to a subscription of QoS 0. */
  deliver0(packet: unknown, done: () => void): void
  waitForDrain(done: (error: Error | null, client: AedesClient) => void): void
}

export const internals = (client: Client): AedesClient => client as unknown as AedesClient
