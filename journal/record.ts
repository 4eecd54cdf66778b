/**
 * The bytes of a record (FORMAT.md draws them). The checksum starts from the record's own position, so bytes that stand
 * in the wrong place, or a record quoted inside a payload, never pass for a record.
 */
import { limits } from '../telemetry/limits.ts'
import { type Message, MessageKind, type PublishPacket, type Qos, type Record } from '../telemetry/message.ts'
import { checksum } from './checksum.ts'
import { readNames } from './names.ts'

/** Length and checksum. */
export const frameBytes = 8
const bodyHeaderBytes = 32
/** Without names and payload. */
export const recordBytesMin = frameBytes + bodyHeaderBytes
/** Half a read: a reader that looks for the way out of damage never misses a record. No packet comes near. */
export const recordBytesMax = limits.journalReadBytes / 2

const kindMax = Math.max(...Object.values(MessageKind))

const seedOf = (position: number) => ((position / 0x1_0000_0000) ^ position) >>> 0

/** Bytes that the record of a message takes, frame included. */
export function recordBytes(message: Message): number {
  return (
    frameBytes +
    bodyHeaderBytes +
    Buffer.byteLength(message.client) +
    Buffer.byteLength(message.topic) +
    message.payload.length
  )
}

/** Writes a record at `offset`; the buffer has room for recordBytes(message). Returns the offset behind it. */
export function writeRecord(
  into: Buffer,
  offset: number,
  message: Message,
  position: number,
  ordinal: number,
  receivedAtUs: number,
): number {
  const body = offset + frameBytes
  into[body] = message.kind
  into[body + 1] = message.qos | (message.dup ? 4 : 0) | (message.retain ? 8 : 0)
  into.writeUInt16LE(message.packetId, body + 2)
  into.writeDoubleLE(message.epoch, body + 4)
  into.writeDoubleLE(receivedAtUs, body + 12)
  into.writeDoubleLE(ordinal, body + 20)
  const client = body + bodyHeaderBytes
  const clientBytes = into.write(message.client, client, 'utf8')
  into.writeUInt16LE(clientBytes, body + 28)
  const topic = client + clientBytes
  const topicBytes = into.write(message.topic, topic, 'utf8')
  into.writeUInt16LE(topicBytes, body + 30)
  const end = topic + topicBytes + message.payload.copy(into, topic + topicBytes)
  into.writeUInt32LE(end - body, offset)
  into.writeUInt32LE(checksum(into, body, end, seedOf(position)), offset + 4)
  return end
}

/** Bytes that the record of a packet takes, frame included. */
export const packetRecordBytes = (packet: PublishPacket): number =>
  frameBytes +
  bodyHeaderBytes +
  packet.client.length +
  (packet.topicEnd - packet.topicAt) +
  (packet.payloadEnd - packet.payloadAt)

/** writeRecord() for a packet that stands in bytes already: nothing is made for it. */
export function writePacketRecord(
  into: Buffer,
  offset: number,
  packet: PublishPacket,
  position: number,
  ordinal: number,
  receivedAtUs: number,
): number {
  const { client, bytes } = packet
  const body = offset + frameBytes
  into[body] = packet.kind
  into[body + 1] = packet.qos | (packet.dup ? 4 : 0)
  into.writeUInt16LE(packet.packetId, body + 2)
  into.writeDoubleLE(packet.epoch, body + 4)
  into.writeDoubleLE(receivedAtUs, body + 12)
  into.writeDoubleLE(ordinal, body + 20)
  into.writeUInt16LE(client.length, body + 28)
  into.writeUInt16LE(packet.topicEnd - packet.topicAt, body + 30)
  const topic = copy(client, 0, client.length, into, body + bodyHeaderBytes)
  const payload = copy(bytes, packet.topicAt, packet.topicEnd, into, topic)
  const end = copy(bytes, packet.payloadAt, packet.payloadEnd, into, payload)
  into.writeUInt32LE(end - body, offset)
  into.writeUInt32LE(checksum(into, body, end, seedOf(position)), offset + 4)
  return end
}

/** A call of the system's copy costs as much as so many bytes one by one. */
const fewBytes = 96

/** Copies from[at, end); returns the offset behind it. */
function copy(from: Uint8Array, at: number, end: number, into: Buffer, offset: number): number {
  if (end - at > fewBytes) into.set(from.subarray(at, end), offset)
  else for (let i = at, to = offset; i < end; i++, to++) into[to] = from[i] as number
  return offset + end - at
}

/** What stands at an offset: a record and where it ends, too few bytes to tell, or damage. */
export type Found = { record: Record; end: number } | 'partial' | 'damaged'

/** Reads the record at `offset`. The payload is a view into `from`. `position` is the journal position of `offset`. */
export function readRecord(from: Buffer, offset: number, position: number): Found {
  if (from.length - offset < frameBytes) return 'partial'
  const bodyBytes = from.readUInt32LE(offset)
  if (bodyBytes < bodyHeaderBytes || bodyBytes > recordBytesMax - frameBytes) return 'damaged'
  const body = offset + frameBytes
  const end = body + bodyBytes
  if (end > from.length) return 'partial'
  // Cheap looks first: the search for a record tries every byte.
  const texts = bodyHeaderBytes + from.readUInt16LE(body + 28) + from.readUInt16LE(body + 30)
  if (texts > bodyBytes || (from[body] as number) > kindMax || (from[body + 1] as number) > 15) return 'damaged'
  if (checksum(from, body, end, seedOf(position)) !== from.readUInt32LE(offset + 4)) return 'damaged'
  const flags = from[body + 1] as number
  const clientAt = body + bodyHeaderBytes
  const topicAt = clientAt + from.readUInt16LE(body + 28)
  const payload = topicAt + from.readUInt16LE(body + 30)
  const { client, topic } = readNames(from, clientAt, topicAt, payload)
  const record: Record = {
    kind: from[body] as MessageKind,
    qos: (flags & 3) as Qos,
    dup: (flags & 4) !== 0,
    retain: (flags & 8) !== 0,
    packetId: from.readUInt16LE(body + 2),
    epoch: from.readDoubleLE(body + 4),
    client,
    topic,
    payload: from.subarray(payload, end),
    position,
    ordinal: from.readDoubleLE(body + 20),
    receivedAtUs: from.readDoubleLE(body + 12),
  }
  return { record, end }
}

/** The offset of the first whole record at or behind `offset`, or -1: the way out of a damaged stretch. */
export function findRecord(from: Buffer, offset: number, positionOfZero: number): number {
  for (let at = offset; at + frameBytes + bodyHeaderBytes <= from.length; at++) {
    const found = readRecord(from, at, positionOfZero + at)
    if (typeof found === 'object') return at
  }
  return -1
}
