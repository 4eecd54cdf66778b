/**
 * How often something took how long: buckets that grow with what they hold, 64 to each doubling, so that a percentile is good
 * to 1.6 %. Histograms of several processes can be added up.
 */
export type Histogram = {
  /** Milliseconds. */
  record(ms: number): void
  count(): number
  /** `part` from 0 to 1; NaN when nothing was recorded. The middle of its bucket, never above max(). */
  percentile(part: number): number
  max(): number
  clear(): void
  add(saved: SavedHistogram): void
  save(): SavedHistogram
}
export type SavedHistogram = { counts: Array<[bucket: number, count: number]>; maxMs: number }

const perDoubling = 64
/** Everything below, a microsecond, is one bucket. */
const leastMs = 0.001
/** Up to an hour and more. */
const buckets = perDoubling * 42

export function createHistogram(): Histogram {
  const counts = new Float64Array(buckets)
  let total = 0
  let maxMs = 0
  return {
    record(ms) {
      const bucket = ms <= leastMs ? 0 : Math.min(buckets - 1, 1 + Math.floor(Math.log2(ms / leastMs) * perDoubling))
      counts[bucket] = (counts[bucket] as number) + 1
      total++
      if (ms > maxMs) maxMs = ms
    },
    count: () => total,
    percentile(part) {
      if (total === 0) return Number.NaN
      const wanted = Math.max(1, Math.ceil(part * total))
      let seen = 0
      for (let bucket = 0; bucket < buckets; bucket++) {
        seen += counts[bucket] as number
        if (seen < wanted) continue
        return Math.min(maxMs, bucket === 0 ? leastMs : leastMs * 2 ** ((bucket - 0.5) / perDoubling))
      }
      return maxMs
    },
    max: () => maxMs,
    clear() {
      counts.fill(0)
      total = 0
      maxMs = 0
    },
    add(saved) {
      for (const [bucket, count] of saved.counts) {
        counts[bucket] = (counts[bucket] as number) + count
        total += count
      }
      maxMs = Math.max(maxMs, saved.maxMs)
    },
    save: () => ({ counts: [...counts.entries()].filter(([, count]) => count > 0), maxMs }),
  }
}
