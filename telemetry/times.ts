/** How often something took how long, so that those of several processes can be added up, and a percentile be told later. */

/** Upper bounds, milliseconds. */
export const timeBoundsMs = [0.25, 0.5, 1, 2, 3, 5, 10, 20, 50, 100, 250, 1_000, 5_000] as const

export type Times = {
  /** How many took longer than the bound before and no longer than this one; the last of them: longer than any bound. */
  counts: number[]
  sumMs: number
}

export const createTimes = (): Times => ({ counts: Array(timeBoundsMs.length + 1).fill(0), sumMs: 0 })

export function countTime(times: Times, ms: number): void {
  const found = timeBoundsMs.findIndex((bound) => ms <= bound)
  const at = found < 0 ? timeBoundsMs.length : found
  times.counts[at] = (times.counts[at] as number) + 1
  times.sumMs += ms
}

export const addTimes = (a: Times, b: Times): Times => ({
  counts: a.counts.map((count, i) => count + (b.counts[i] as number)),
  sumMs: a.sumMs + b.sumMs,
})
