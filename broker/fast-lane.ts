/**
 * The short way of readings: a PUBLISH of QoS 0 or 1, not retained, that stands whole in what was read, on a topic that
 * nobody but onlookers subscribes to, goes from the socket's buffer straight into the journal. aedes never sees it; nothing is made for a
 * single packet. Everything else is left to aedes, which also says no to what is wrong. The promise is the same: PUBACK
 * only when the journal is synced, in the order of the packets [MQTT-4.6.0-2], all those of a connection in one write.
 */
import type { Writable } from 'node:stream'
import { type Counters, count } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import { MessageKind, type PacketEntrance, type PublishPacket } from '../telemetry/message.ts'

/** What is written to a connection, and how it is ended. */
export type LaneClient = { closed: boolean; conn: Pick<Writable, 'write' | 'writableLength' | 'destroy'> }
/** `bytes`: of the name, UTF-8. */
export type LaneTopic = { bytes: Buffer; kind: MessageKind }

/** Who may use the lane for what: known here (lane-rules.ts) or granted by another process (workers/granted-topics.ts). */
export type LaneRules<Client extends LaneClient, Topic extends LaneTopic> = {
  /** The topic of a packet; asked where it is not that of the packet before. */
  topicOf(client: Client, bytes: Buffer, at: number, end: number): Topic
  /** Asked once for each topic that a client changes to. */
  mayPublish(client: Client, topic: Topic): boolean
  /** Asked for each packet. */
  isHeard(topic: Topic): boolean
  /** Whether a message of so many bytes may be taken now; it counts as taken then, and only then. */
  takesNow(client: Client, bytes: number): boolean
  epochOf(client: Client): number
  /** The client identifier, UTF-8. */
  nameOf(client: Client): Buffer
  /** Any control packet shows that the client lives [MQTT-3.1.2-24]. */
  sawAlive(client: Client): void
}

export type FastLane<Client extends LaneClient> = {
  /** The lane of a connection. */
  open(client: Client): Lane<Client>
  /** Looks at the packet bytes[at, end), whose remaining length ends before `body`; false: it is not for this way. */
  look(lane: Lane<Client>, bytes: Buffer, at: number, body: number, end: number): boolean
  /** Takes the packet that was looked at last; false: not now, the long way may wait for it. */
  take(lane: Lane<Client>): boolean
  /** No more packets of this read. */
  endOfRead(lane: Lane<Client>): void
}

/** One small object for each connection, since there are many. */
export type Lane<Client> = {
  client: Client
  /** Packets whose sync is not done. */
  waiting: number
  /** Of the last packet; null: it must be asked for anew. */
  topic: LaneTopic | null
  isAllowed: boolean
  epoch: number
  name: Buffer
  run: Run<Client> | null
  /** Packet identifiers to be acknowledged by the settling that is going on. */
  acknowledged: number[] | null
}

/** What one read brought: one group of the journal holds all of it. */
type Run<Client> = {
  lane: Lane<Client>
  /** Journal position behind the last packet. */
  end: number
  /** Packet identifiers of QoS 1. */
  ids: number[]
  packets: number
  readings: number
}

export function createFastLane<Client extends LaneClient, Topic extends LaneTopic>(
  packets: PacketEntrance,
  rules: LaneRules<Client, Topic>,
  counters: Counters,
): FastLane<Client> {
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
  let runs: Run<Client>[] = []
  packets.onSettled(settle)

  function settle(durable: number, error: Error | null): void {
    const touched: Lane<Client>[] = []
    let done = 0
    for (; done < runs.length && (runs[done] as Run<Client>).end <= durable; done++) {
      const { lane, ids, packets } = runs[done] as Run<Client>
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

  function acknowledge(lane: Lane<Client>): void {
    const ids = lane.acknowledged as number[]
    lane.acknowledged = null
    const { client } = lane
    if (client.closed || client.conn.write(pubacks(ids))) return
    if (client.conn.writableLength <= limits.subscriberBacklogBytesClose) return
    counters.subscriberClosed++
    client.conn.destroy(new Error('client does not read its PUBACKs'))
  }

  function refuse({ lane, packets, readings }: Run<Client>, error: Error): void {
    lane.waiting -= packets
    counters.refusedReadings += readings
    for (let i = 0; i < readings; i++) count(counters.refused, 'not_accepting')
    lane.client.conn.destroy(error)
  }

  function changeTopic(lane: Lane<Client>, topic: Topic): void {
    const { client } = lane
    lane.topic = topic
    lane.isAllowed = rules.mayPublish(client, topic)
    if (lane.epoch !== 0) return
    lane.epoch = rules.epochOf(client)
    lane.name = rules.nameOf(client)
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
    look(lane, bytes, at, body, end) {
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
        changeTopic(lane, rules.topicOf(lane.client, bytes, topicAt, topicEnd))
      }
      const topic = lane.topic as Topic
      if (!lane.isAllowed || rules.isHeard(topic)) return false
      packet.kind = topic.kind
      packet.qos = qos
      packet.dup = header === 0x3a
      packet.packetId = packetId
      packet.bytes = bytes
      packet.topicAt = topicAt
      packet.topicEnd = topicEnd
      packet.payloadAt = payloadAt
      packet.payloadEnd = end
      return true
    },
    take(lane) {
      const { kind, packetId } = packet
      // Too fast: on the long way it waits.
      if (!rules.takesNow(lane.client, packet.payloadEnd - packet.payloadAt)) return false
      packet.epoch = lane.epoch
      packet.client = lane.name
      const position = packets.append(packet)
      packet.bytes = nobody
      if (position === -1) return false
      lane.run ??= { lane, end: 0, ids: [], packets: 0, readings: 0 }
      const { run } = lane
      run.end = position
      run.packets++
      if (packet.qos === 1) run.ids.push(packetId)
      if (kind === MessageKind.publish) run.readings++
      return true
    },
    endOfRead(lane) {
      const { run } = lane
      if (run === null) return
      lane.run = null
      lane.waiting += run.packets
      counters.received += run.readings
      runs.push(run)
      rules.sawAlive(lane.client)
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
