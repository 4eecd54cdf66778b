/**
 * The readings behind the chart: buckets from the store, then what the live stream brought since.
 *
 *     |── buckets (mean, min, max) ──|── live readings ──| now
 */
import type { Bucket } from './api.ts'

export type Sample = { timeMs: number; mean: number; min: number; max: number }
/** As uPlot takes them: times, then highest, lowest and mean. null is a gap. */
export type Columns = [
  times: number[],
  highs: Array<number | null>,
  lows: Array<number | null>,
  means: Array<number | null>,
]
export type Extent = { low: number; high: number; count: number; newest: Sample }

/** A silence this many times the usual distance is drawn as a gap; less is jitter of the device's own timer. */
const gapFactor = 3

export function createTrace() {
  let stored: Sample[] = []
  let live: Sample[] = []

  const within = (fromMs: number): Sample[] => {
    const newestStoredMs = stored.at(-1)?.timeMs ?? 0
    // The store may be a little behind the stream, so live readings stay until the store has something newer.
    live = live.filter((sample) => sample.timeMs >= fromMs && sample.timeMs > newestStoredMs)
    return [...stored, ...live].filter((sample) => sample.timeMs >= fromMs)
  }

  return {
    clear(): void {
      stored = []
      live = []
    },

    setStored(buckets: Bucket[]): void {
      stored = buckets.map(({ time, mean, min, max }) => ({ timeMs: Date.parse(time), mean, min, max }))
    },

    append(timeMs: number, value: number): void {
      const sample = { timeMs, mean: value, min: value, max: value }
      const newest = live.at(-1)
      if (newest !== undefined && timeMs <= newest.timeMs) {
        // Late or sent twice: put where it belongs, once.
        live = [...live.filter((one) => one.timeMs !== timeMs), sample].sort((a, b) => a.timeMs - b.timeMs)
      } else live.push(sample)
    },

    extent(fromMs: number): Extent | null {
      const samples = within(fromMs)
      const newest = samples.at(-1)
      if (newest === undefined) return null
      let low = newest.min
      let high = newest.max
      for (const sample of samples) {
        low = Math.min(low, sample.min)
        high = Math.max(high, sample.max)
      }
      return { low, high, count: samples.length, newest }
    },

    columns(fromMs: number, bucketMs: number): Columns {
      const samples = within(fromMs)
      const gapMs = gapFactor * Math.max(bucketMs, usualDistanceMs(samples))
      const columns: Columns = [[], [], [], []]
      let beforeMs = Number.POSITIVE_INFINITY
      for (const sample of samples) {
        if (sample.timeMs - beforeMs > gapMs) push(columns, (beforeMs + sample.timeMs) / 2, null, null, null)
        push(columns, sample.timeMs, sample.max, sample.min, sample.mean)
        beforeMs = sample.timeMs
      }
      return columns
    },
  }
}

function push(into: Columns, timeMs: number, high: number | null, low: number | null, mean: number | null): void {
  into[0].push(timeMs)
  into[1].push(high)
  into[2].push(low)
  into[3].push(mean)
}

/** The median distance: an outage does not move it. */
function usualDistanceMs(samples: Sample[]): number {
  const distances = samples.slice(1).map((sample, i) => sample.timeMs - (samples[i]?.timeMs ?? 0))
  return distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)] ?? 0
}
