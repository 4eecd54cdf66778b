/**
 * Step: the time of a point, in nanoseconds. Stores keep one value per series and time, so two readings of a series must
 * not share one, and a replay must come to the same time again. The device's resolution is milliseconds, at best
 * microseconds; the digits below are ours, and come from the record alone:
 *
 * - the device's time and sequence: the sequence, so that a reading that is sent again is the same point;
 * - the device's time alone: the ordinal, so that readings of a clock that stands still are kept apart;
 * - no time: the journal's receive time, which grows from record to record, and the ordinal below it.
 */
import type { Record } from '../telemetry/message.ts'
import type { Reading } from '../telemetry/reading.ts'

export function timeOf(record: Record, reading: Reading): bigint {
  // Below the microsecond only: receive times keep the order in which readings came.
  if (reading.timeMs === undefined) return nanoseconds(record.receivedAtUs, record.ordinal % 1000)
  const timeUs = Math.round(reading.timeMs * 1000)
  const digits = timeUs % 1000 === 0 ? 1_000_000 : 1000
  return nanoseconds(timeUs, (reading.sequence ?? record.ordinal) % digits)
}

const nanoseconds = (us: number, below: number): bigint => BigInt(us) * 1000n + BigInt(below)
