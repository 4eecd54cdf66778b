/** Records that will become durable together: one buffer, and one promise for everybody who asked for one. */
import { type Deferred, deferred } from '../telemetry/deferred.ts'
import { type Message, MessageKind, type PublishPacket } from '../telemetry/message.ts'
import { packetRecordBytes, recordBytes, writePacketRecord, writeRecord } from './record.ts'

export type Group = {
  count: number
  /** Positions of the first byte and behind the last. */
  start: number
  end: number
  /** The journal's marks just before this group, for the header of a segment that begins with it. */
  ordinalBefore: number
  receivedBeforeUs: number
  /** The same behind its last record. */
  ordinalAfter: number
  receivedAfterUs: number
  /** Appends a record; returns its bytes. */
  add(message: Message, position: number, ordinal: number, receivedAtUs: number): number
  addPacket(packet: PublishPacket, position: number, ordinal: number, receivedAtUs: number): number
  bytes(): Buffer
  durable(): Promise<void>
  /** Keeps the promise, or breaks it with an error. */
  settle(error: Error | null): void
  /** What the next group may be written into, once nothing reads from this one. */
  buffer(): Buffer
}

const bytesMin = 64 * 1024
/** A larger buffer was for a rare peak: it is not kept. */
const bytesKept = 4 * 1024 * 1024

/** `spare`: the buffer of an earlier group, or null. */
export function createGroup(spare: Buffer | null): Group {
  let buffer = spare !== null && spare.length <= bytesKept ? spare : Buffer.allocUnsafeSlow(bytesMin)
  let used = 0
  let promised: Deferred | null = null

  function begin(bytes: number, kind: MessageKind, position: number, ordinal: number, receivedAtUs: number): void {
    if (group.count++ === 0) {
      group.start = position
      group.ordinalBefore = kind === MessageKind.publish ? ordinal - 1 : ordinal
      group.receivedBeforeUs = receivedAtUs - 1
    }
    if (used + bytes > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(used + bytes, 2 * buffer.length))
      buffer.copy(larger, 0, 0, used)
      buffer = larger
    }
    group.end = position + bytes
    group.ordinalAfter = ordinal
    group.receivedAfterUs = receivedAtUs
  }

  const group: Group = {
    count: 0,
    start: 0,
    end: 0,
    ordinalBefore: 0,
    receivedBeforeUs: 0,
    ordinalAfter: 0,
    receivedAfterUs: 0,
    add(message, position, ordinal, receivedAtUs) {
      const bytes = recordBytes(message)
      begin(bytes, message.kind, position, ordinal, receivedAtUs)
      used = writeRecord(buffer, used, message, position, ordinal, receivedAtUs)
      return bytes
    },
    addPacket(packet, position, ordinal, receivedAtUs) {
      const bytes = packetRecordBytes(packet)
      begin(bytes, packet.kind, position, ordinal, receivedAtUs)
      used = writePacketRecord(buffer, used, packet, position, ordinal, receivedAtUs)
      return bytes
    },
    bytes: () => buffer.subarray(0, used),
    durable() {
      if (promised === null) {
        promised = deferred()
        // Whoever accepted a message hears of a failure; a group that nobody waits for must not end the process.
        promised.promise.catch(() => {})
      }
      return promised.promise
    },
    settle(error) {
      if (error === null) promised?.resolve()
      else promised?.reject(error)
    },
    buffer: () => buffer,
  }
  return group
}
