/**
 * Who only looks on: connected clients that subscribed with QoS 0, as a panel does that watches `#`. A reading that nobody
 * else listens to takes the fast lane all the same, and goes on to them when the journal has it, past aedes. What waits for
 * a slow one is bounded, as in mends/slow-subscriber.ts.
 */
import type { Counters } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import type { PacketEntrance, PublishPacket } from '../telemetry/message.ts'
import type { AedesClient, Emitter } from './aedes-internals.ts'
import { countPublishSent } from './traffic.ts'

export type OnlookersOptions = {
  emitter: Emitter
  /** Whether the client may have what is published on the topic; it has it then. */
  mayReceive: (client: AedesClient, topic: string) => boolean
  counters: Counters
}

/** A topic and who looks on, as long as no subscription changes. */
type Watched = { topic: string; clients: AedesClient[] }
/** `position`: of the journal, behind it. */
type Shown = { position: number; watched: Watched; publish: Buffer; payloadBytes: number }

/** The same entrance; call it before anybody hears of what is settled. */
export function showOnlookers(packets: PacketEntrance, options: OnlookersOptions): PacketEntrance {
  const { emitter, mayReceive, counters } = options
  const known = new Map<string, Watched>()
  let knownAt = -1
  /** In the order of their positions. */
  let waiting: Shown[] = []

  function watchedBy({ bytes, topicAt, topicEnd }: PublishPacket): Watched {
    if (knownAt !== emitter.changes() || known.size >= limits.topicsKnownMax) {
      known.clear()
      knownAt = emitter.changes()
    }
    const topicBytes = Buffer.from(bytes.buffer, bytes.byteOffset + topicAt, topicEnd - topicAt)
    const key = topicBytes.toString('latin1')
    const found = known.get(key)
    if (found !== undefined) return found
    const topic = topicBytes.toString()
    const watched = { topic, clients: emitter.onlookers(topic) }
    known.set(key, watched)
    return watched
  }

  function show(until: number): void {
    let done = 0
    const outgoing = new Map<AedesClient, Buffer[]>()
    const ahead = new Map<AedesClient, number>()
    for (; done < waiting.length && (waiting[done] as Shown).position <= until; done++) {
      const { watched, publish, payloadBytes } = waiting[done] as Shown
      for (const client of watched.clients) {
        // Before its CONNACK nothing else may come [MQTT-3.2.0-1].
        if (client.closed || !client.connackSent) continue
        const backlog = ahead.get(client) ?? client.conn.writableLength
        if (backlog > limits.subscriberBacklogBytesMax) counters.subscriberDropped++
        else if (mayReceive(client, watched.topic)) {
          ahead.set(client, backlog + publish.length)
          const before = outgoing.get(client)
          if (before === undefined) outgoing.set(client, [publish])
          else before.push(publish)
          countPublishSent(counters, publish.length, payloadBytes)
        }
      }
    }
    waiting = done === waiting.length ? [] : waiting.slice(done)
    for (const [client, all] of outgoing) client.conn.write(all.length === 1 ? (all[0] as Buffer) : Buffer.concat(all))
  }

  packets.onSettled((durable, error) => {
    if (waiting.length > 0) show(durable)
    if (error !== null) waiting = []
  })
  return {
    append(packet) {
      const position = packets.append(packet)
      if (position === -1 || !emitter.hasOnlookers()) return position
      const watched = watchedBy(packet)
      if (watched.clients.length === 0) return position
      const payloadBytes = packet.payloadEnd - packet.payloadAt
      waiting.push({ position, watched, publish: publishOf(packet), payloadBytes })
      return position
    },
    onSettled: packets.onSettled,
    unsynced: packets.unsynced,
  }
}

/** The packet as QoS 0, with no flags [MQTT-3.3]. */
function publishOf({ bytes, topicAt, topicEnd, payloadAt, payloadEnd }: PublishPacket): Buffer {
  let rest = 2 + topicEnd - topicAt + payloadEnd - payloadAt
  const packet = Buffer.allocUnsafe(5 + rest)
  packet[0] = 0x30
  let at = 1
  for (; rest >= 128; rest >>= 7) packet[at++] = (rest & 127) | 128
  packet[at++] = rest
  // Its length stands in front of the topic.
  packet.set(bytes.subarray(topicAt - 2, topicEnd), at)
  at += 2 + topicEnd - topicAt
  packet.set(bytes.subarray(payloadAt, payloadEnd), at)
  return packet.subarray(0, at + payloadEnd - payloadAt)
}
