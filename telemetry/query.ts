/** What pages ask of a store. Times: milliseconds since 1970; ranges include both ends. */
import type { DeviceName } from './device.ts'

/** One channel of one device. Without a site: the device of that name at any site. */
export type ChannelQuery = { device: string; site?: string; channel: string }
export type RangeQuery = ChannelQuery & { fromMs: number; toMs: number }

export type TimedValue = { timeMs: number; value: number }
/** Readings of a stretch of time that begins at `timeMs`; stretches without a reading are left out. */
export type TimedRange = { timeMs: number; mean: number; min: number; max: number }
export type LatestReading = DeviceName & TimedValue & { channel: string }

/** Readings of a device, for people. All throw UnavailableError when the store cannot answer. */
export type ReadingStore = {
  /** The newest reading by its own time, for each channel of each device. */
  latest(): Promise<LatestReading[]>
  /** In order of time, at most `rowsMax`. */
  readings(query: RangeQuery, rowsMax: number): Promise<TimedValue[]>
  /** At most about `points` stretches of equal length. */
  downsampled(query: RangeQuery, points: number): Promise<TimedRange[]>
  /** Times of the first and the last reading; null when there is none. */
  extent(query: ChannelQuery): Promise<{ fromMs: number; toMs: number } | null>
  channels(device: string, site?: string): Promise<string[]>
  /** Resolves when the store answers. */
  ping(): Promise<void>
}
