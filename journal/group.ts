/** Records that will become durable together: one buffer, one promise for all of them. */
import { deferred } from '../telemetry/deferred.ts'
import { type Message, MessageKind } from '../telemetry/message.ts'
import { recordBytes, writeRecord } from './record.ts'

export type Group = {
  count: number
  /** Positions of the first byte and behind the last. */
  start: number
  end: number
  /** The journal's marks just before this group, for the header of a segment that begins with it. */
  ordinalBefore: number
  receivedBeforeUs: number
  durable: Promise<void>
  resolve(): void
  reject(error: Error): void
  /** Appends a record; returns its bytes. */
  add(message: Message, position: number, ordinal: number, receivedAtUs: number): number
  bytes(): Buffer
}

const bytesMin = 64 * 1024

export function createGroup(expected = 0): Group {
  const { promise, resolve, reject } = deferred()
  // Whoever accepted a message hears of a failure; a group that nobody waits for must not end the process.
  promise.catch(() => {})
  let buffer = Buffer.allocUnsafeSlow(Math.max(bytesMin, Math.min(expected * 160, 4 * 1024 * 1024)))
  let used = 0

  function grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * buffer.length))
    buffer.copy(larger, 0, 0, used)
    buffer = larger
  }

  const group: Group = {
    count: 0,
    start: 0,
    end: 0,
    ordinalBefore: 0,
    receivedBeforeUs: 0,
    durable: promise,
    resolve,
    reject,
    add(message, position, ordinal, receivedAtUs) {
      if (group.count++ === 0) {
        group.start = position
        group.ordinalBefore = ordinal - (message.kind === MessageKind.publish ? 1 : 0)
        group.receivedBeforeUs = receivedAtUs - 1
      }
      const bytes = recordBytes(message)
      if (used + bytes > buffer.length) grow(used + bytes)
      used = writeRecord(buffer, used, message, position, ordinal, receivedAtUs)
      group.end = position + bytes
      return bytes
    },
    bytes: () => buffer.subarray(0, used),
  }
  return group
}
