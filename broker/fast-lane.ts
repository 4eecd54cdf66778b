/**
 * The short way of readings: a PUBLISH of QoS 0 or 1, not retained, that stands whole in what was read, on a topic that
 * nobody subscribes to, goes from the socket's buffer straight into the journal. aedes never sees it; nothing is made for a
 * single packet. Everything else is left to aedes, which also says no to what is wrong. The promise is the same: PUBACK
 * only when the journal is synced, in the order of the packets [MQTT-4.6.0-2], all those of a connection in one write.
 */
import { type Counters, count } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import { MessageKind, type PacketEntrance, type PublishPacket } from '../telemetry/message.ts'
import type { Access } from './access/access.ts'
import type { AedesClient } from './aedes-internals.ts'
import type { IsHeard } from './audience.ts'
import { createKnownTopics, type KnownTopic } from './known-topics.ts'

export type FastLaneOptions = {
  packets: PacketEntrance
  isHeard: IsHeard
  isStatus: (topic: string) => boolean
  /** What a client may publish is asked once for each topic that it changes to, its rate for each packet. */
  access: Pick<Access, 'mayPublish' | 'takesNow'>
  epochOf: (client: AedesClient) => number
  counters: Counters
}

export type FastLane = {
  /** The lane of a connection. */
  open(client: AedesClient): Lane
  /** Takes the packet bytes[at, end), whose remaining length ends before `body`; false: it is not for this way. */
  take(lane: Lane, bytes: Buffer, at: number, body: number, end: number): boolean
  /** No more packets of this read. */
  endOfRead(lane: Lane): void
}

/** One small object for each connection, since there are many. */
export type Lane = {
  client: AedesClient
  /** Packets whose sync is not done. */
  waiting: number
  /** Of the last packet. */
  topic: KnownTopic | null
  isAllowed: boolean
  epoch: number
  /** The client identifier, UTF-8. */
  name: Buffer
  run: Run | null
  /** Packet identifiers to be acknowledged by the settling that is going on. */
  acknowledged: number[] | null
}

/** What one read brought: one group of the journal holds all of it. */
type Run = {
  lane: Lane
  /** Journal position behind the last packet. */
  end: number
  /** Packet identifiers of QoS 1. */
  ids: number[]
  packets: number
  readings: number
}

export function createFastLane(options: FastLaneOptions): FastLane {
  const { packets, isHeard, access, epochOf, counters } = options
  const topics = createKnownTopics(options.isStatus)
  const packet: PublishPacket = {
    kind: MessageKind.publish,
    qos: 0,
    dup: false,
    packetId: 0,
    epoch: 0,
    client: nobody,
    bytes: nobody,
    topicAt: 0,
    topicEnd: 0,
    payloadAt: 0,
    payloadEnd: 0,
  }
  /** In the order of their positions. */
  let runs: Run[] = []
  packets.onSettled(settle)

  function settle(durable: number, error: Error | null): void {
    const touched: Lane[] = []
    let done = 0
    for (; done < runs.length && (runs[done] as Run).end <= durable; done++) {
      const { lane, ids, packets } = runs[done] as Run
      lane.waiting -= packets
      if (lane.acknowledged !== null) for (const id of ids) lane.acknowledged.push(id)
      else if (ids.length > 0) {
        lane.acknowledged = ids
        touched.push(lane)
      }
    }
    runs = done === runs.length ? [] : runs.slice(done)
    for (const lane of touched) acknowledge(lane)
    if (error !== null) for (const run of runs.splice(0)) refuse(run, error)
  }

  function acknowledge(lane: Lane): void {
    const ids = lane.acknowledged as number[]
    lane.acknowledged = null
    const { client } = lane
    if (client.closed || client.conn.write(pubacks(ids))) return
    if (client.conn.writableLength <= limits.subscriberBacklogBytesClose) return
    counters.subscriberClosed++
    client.conn.destroy(new Error('client does not read its PUBACKs'))
  }

  function refuse({ lane, readings }: Run, error: Error): void {
    counters.refusedReadings += readings
    for (let i = 0; i < readings; i++) count(counters.refused, 'not_accepting')
    lane.client.conn.destroy(error)
  }

  function changeTopic(lane: Lane, topic: KnownTopic): void {
    const { client } = lane
    lane.topic = topic
    lane.isAllowed = topic.isPlain && access.mayPublish(client, topic.name)
    if (lane.epoch !== 0) return
    lane.epoch = epochOf(client)
    lane.name = Buffer.from(client.id)
  }

  return {
    open: (client) => ({
      client,
      waiting: 0,
      topic: null,
      isAllowed: false,
      epoch: 0,
      name: nobody,
      run: null,
      acknowledged: null,
    }),
    take(lane, bytes, at, body, end) {
      const header = bytes[at] as number
      // QoS 0 has no DUP [MQTT-3.3.1-2].
      if (header !== 0x32 && header !== 0x30 && header !== 0x3a) return false
      if (end - at > limits.packetBytesMax || end - body < 2) return false
      const topicAt = body + 2
      const topicEnd = topicAt + (((bytes[body] as number) << 8) | (bytes[body + 1] as number))
      const qos = header === 0x30 ? 0 : 1
      const payloadAt = topicEnd + 2 * qos
      if (payloadAt > end) return false
      const packetId = qos === 0 ? 0 : ((bytes[topicEnd] as number) << 8) | (bytes[topicEnd + 1] as number)
      if (packetId === 0 && qos === 1) return false
      if (lane.topic === null || !isSame(lane.topic.bytes, bytes, topicAt, topicEnd)) {
        changeTopic(lane, topics.find(bytes, topicAt, topicEnd))
      }
      const { kind, name, heard } = lane.topic as KnownTopic
      if (!lane.isAllowed || isHeard(name, heard)) return false
      // Too fast: on the long way it waits.
      if (!access.takesNow(lane.client, end - payloadAt)) return false
      packet.kind = kind
      packet.qos = qos
      packet.dup = header === 0x3a
      packet.packetId = packetId
      packet.epoch = lane.epoch
      packet.client = lane.name
      packet.bytes = bytes
      packet.topicAt = topicAt
      packet.topicEnd = topicEnd
      packet.payloadAt = payloadAt
      packet.payloadEnd = end
      const position = packets.append(packet)
      packet.bytes = nobody
      if (position === -1) return false
      lane.run ??= { lane, end: 0, ids: [], packets: 0, readings: 0 }
      const { run } = lane
      run.end = position
      run.packets++
      if (qos === 1) run.ids.push(packetId)
      if (kind === MessageKind.publish) run.readings++
      return true
    },
    endOfRead(lane) {
      const { client, run } = lane
      if (run === null) return
      lane.run = null
      lane.waiting += run.packets
      counters.received += run.readings
      runs.push(run)
      // Any control packet shows that the client lives [MQTT-3.1.2-24].
      if (client._keepaliveInterval > 0) client._keepaliveTimer?.refresh()
    },
  }
}

const nobody = Buffer.alloc(0)

function isSame(known: Buffer, bytes: Buffer, at: number, end: number): boolean {
  if (known.length !== end - at) return false
  for (let i = known.length - 1; i >= 0; i--) if (known[i] !== bytes[at + i]) return false
  return true
}

/** Packets of four bytes each [MQTT-3.4]. */
function pubacks(ids: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * ids.length)
  let at = 0
  for (const id of ids) {
    bytes[at++] = 0x40
    bytes[at++] = 2
    bytes[at++] = id >> 8
    bytes[at++] = id & 255
  }
  return bytes
}
