/** What pages ask of a store. Times: milliseconds since 1970; ranges include both ends. */
import type { DeviceName } from './device.ts'
import type { FieldType, Series } from './point.ts'
import type { Value } from './reading.ts'

/** One channel of one device. Without a site: the device of that name at any site. */
export type ChannelQuery = { device: string; site?: string; channel: string }
export type RangeQuery = ChannelQuery & { fromMs: number; toMs: number }

export type TimedValue = { timeMs: number; value: Value }
/** Readings (numbers) of a stretch of time that begins at `timeMs`; stretches without a reading are left out. */
export type TimedRange = { timeMs: number; mean: number; min: number; max: number }
export type LatestReading = DeviceName & TimedValue & { channel: string }

/** A field that a store holds. */
export type StoredField = { measurement: string; field: string; type: FieldType }
/** Everything of a range of time, narrowed down by what is given. */
export type ScanQuery = Partial<ChannelQuery> & { fromMs: number; toMs: number }
export type StoredPoint = { series: Series; timeNs: bigint; value: Value }

/** Readings of a device, for people. All throw UnavailableError when the store cannot answer. */
export type ReadingStore = {
  /** The newest reading by its own time, for each channel of each device. */
  latest(): Promise<LatestReading[]>
  /** In order of time, at most `rowsMax`: the first of the range, or the last. */
  readings(query: RangeQuery, rowsMax: number, end?: 'first' | 'last'): Promise<TimedValue[]>
  /** At most about `points` stretches of equal length. Strings and booleans have no mean: their channels answer none. */
  downsampled(query: RangeQuery, points: number): Promise<TimedRange[]>
  /** Times of the first and the last reading; null when there is none. */
  extent(query: ChannelQuery): Promise<{ fromMs: number; toMs: number } | null>
  channels(device: string, site?: string): Promise<string[]>
  /** Every field of every measurement, the platform's own too. */
  fieldTypes(): Promise<StoredField[]>
  /** Series after series, each in order of time, without a bound in number; meta fields and the platform's own too. */
  scan(query: ScanQuery): AsyncIterable<StoredPoint[]>
  /** Resolves when the store answers. */
  ping(): Promise<void>
}
