/** What aedes asks of a persistence (aedes-persistence 11), as far as it is used or replaced here. */
import type { Client, PublishPacket, Subscription } from 'aedes'

/** A packet on its way to a client; of PUBREL only the identifier counts. */
export type OutgoingPacket = {
  cmd: string
  topic: string
  payload: Buffer
  qos: number
  retain: boolean
  dup: boolean
  brokerId: string
  brokerCounter: number
  messageId?: number
}

/** Numbered by aedes. `messageExpiry` is a field that aedes carries along: here it says that the packet was kept before its PUBACK. */
export type PublishedPacket = {
  topic: string
  payload: Buffer | string
  qos: number
  retain: boolean
  brokerId?: string
  brokerCounter?: number
  messageExpiry?: number
}

export type Match = { clientId: string; topic: string; qos: number }
type Named = { id: string }

export type Persistence = {
  addSubscriptions(client: Named, subscriptions: Subscription[]): Promise<void>
  removeSubscriptions(client: Named, filters: string[]): Promise<void>
  cleanSubscriptions(client: Named): Promise<void>
  subscriptionsByTopic(topic: string): Promise<Match[]>
  storeRetained(packet: PublishedPacket): Promise<void>
  outgoingEnqueue(match: { clientId: string }, packet: PublishedPacket): Promise<void>
  outgoingEnqueueCombi(matches: Match[], packet: PublishedPacket): Promise<void>
  outgoingUpdate(client: Named, packet: OutgoingPacket): Promise<void>
  /** Resolves with what was removed, if there was anything. */
  outgoingClearMessageId(client: Named, packet: Partial<OutgoingPacket>): Promise<OutgoingPacket | undefined>
  outgoingStream(client: Named): AsyncIterable<OutgoingPacket>
  incomingStorePacket(client: Client, packet: PublishPacket): Promise<void>
  /** @throws Error when there is none. */
  incomingGetPacket(client: Client, packet: { messageId: number }): Promise<object>
  incomingDelPacket(client: Client, packet: { messageId: number }): Promise<void>
  cleanIncoming(client: Named & { clean?: boolean }): Promise<void>
  putWill(client: Client, will: PublishedPacket): Promise<void>
  /** Called with the client when it connects, and with its name alone when it has left. */
  delWill(client: Named): Promise<void>
  streamWill(): AsyncIterable<object>
}
