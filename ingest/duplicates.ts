/**
 * Step: is this reading one that came before? At least once is what MQTT promises: after a broken connection a client
 * sends again whatever it got no PUBACK for, and the first copy may well be in the journal.
 *
 * | the reading carries | it is the same reading when                                                              |
 * | time and sequence   | series, time, sequence and value are the same                                            |
 * | one of the two      | client, packet identifier, topic and payload are the same                                |
 * | neither             | these four are the same, and DUP is set                                                  |
 *
 * In the last two rows no DISCONNECT of the client may stand between them: who leaves by itself has nothing to send again.
 *
 * They err on the side of keeping: two equal plain numbers may be two readings.
 */
import type { Record } from '../telemetry/message.ts'
import type { Series } from '../telemetry/point.ts'
import type { Reading } from '../telemetry/reading.ts'
import type { Window } from './window.ts'

export type Duplicates = {
  /** Remembers the reading; true when it came before. */
  isDuplicate(record: Record, reading: Reading, series: Series): boolean
  /** The client left by a DISCONNECT: it holds nothing that it would send again. */
  left(client: string, position: number): void
}

export function createDuplicates(window: Window): Duplicates {
  return {
    isDuplicate(record, reading, series) {
      const hasTime = reading.timeMs !== undefined
      const hasSequence = reading.sequence !== undefined
      if (hasTime && hasSequence) {
        return remember(`s|${series.key}|${reading.timeMs}|${reading.sequence}|${reading.value}`, record.position) >= 0
      }
      if (record.qos === 0) return false
      const copy = `m|${record.client}|${record.packetId}|${record.topic}|${record.payload.toString('latin1')}`
      const seenAt = remember(copy, record.position)
      if (seenAt < 0 || seenAt < (window.get(`l|${record.client}`) ?? -1)) return false
      return hasTime || hasSequence || record.dup
    },
    left(client, position) {
      window.set(`l|${client}`, position)
    },
  }

  /** Position at which the key was seen last, or -1. */
  function remember(key: string, position: number): number {
    const seenAt = window.get(key) ?? -1
    window.set(key, position)
    return seenAt
  }
}
