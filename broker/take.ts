/** What aedes was sent becomes a message for the journal, and is counted. */
import type { Client, PublishPacket } from 'aedes'
import { type Counters, count } from '../telemetry/counters.ts'
import { AbandonedError } from '../telemetry/errors.ts'
import { type Accept, type Message, MessageKind, type Qos } from '../telemetry/message.ts'
import type { Will } from './sessions/state.ts'

export type TakeOptions = {
  accept: Accept
  /** Whether births and wills are published there. */
  isStatus: (topic: string) => boolean
  epochOf: (client: Client) => number
  counters: Counters
}

/** Resolves when the message will not be lost. `client`: null for wills of clients that are not connected any more. */
export type Take = (client: Client | null, packet: PublishPacket, isWill: boolean) => Promise<void>

export function createTake({ accept, isStatus, epochOf, counters }: TakeOptions): Take {
  return (client, packet, isWill) => {
    const kind = isWill ? MessageKind.will : isStatus(packet.topic) ? MessageKind.birth : MessageKind.publish
    if (kind === MessageKind.publish) counters.received++
    const { payload } = packet
    const message: Message = {
      kind,
      qos: packet.qos as Qos,
      dup: packet.dup ?? false,
      retain: packet.retain ?? false,
      packetId: packet.qos === 0 ? 0 : ((packet as { messageId?: number }).messageId ?? 0),
      epoch: client === null ? 0 : epochOf(client),
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
}

/** Of a client that died with an earlier broker: no connection of now speaks for it. */
export function willOf(client: string, { topic, payload, qos, retain }: Will): Message {
  return { kind: MessageKind.will, qos, dup: false, retain, packetId: 0, epoch: 0, client, topic, payload }
}
