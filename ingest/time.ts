/**
 * Step: the time of a point, in nanoseconds. Stores keep one value per series and time, so two readings of a series must
 * never share one, and a replay must come to the same time again:
 *
 * - the device's time and sequence: the sequence stands in the digits below the device's resolution;
 * - the device's time alone: the first reading gets it, further ones in the same window a nanosecond more each;
 * - no time: the journal's receive time, which no two records share.
 */
import type { Record } from '../telemetry/message.ts'
import type { Series } from '../telemetry/point.ts'
import type { Reading } from '../telemetry/reading.ts'
import type { Window } from './window.ts'

export type TimeOf = (record: Record, reading: Reading, series: Series) => bigint

export function createTimes(window: Window): TimeOf {
  return (record, reading, series) => {
    if (reading.timeMs === undefined) return microseconds(record.receivedAtUs)
    const timeUs = Math.round(reading.timeMs * 1000)
    if (reading.sequence !== undefined) {
      const digits = timeUs % 1000 === 0 ? 1_000_000 : 1000
      return microseconds(timeUs) + BigInt(reading.sequence % digits)
    }
    const key = `t|${series.key}|${timeUs}`
    const earlier = window.get(key) ?? 0
    window.set(key, earlier + 1)
    return microseconds(timeUs) + BigInt(earlier)
  }
}

const microseconds = (us: number): bigint => BigInt(us) * 1000n
