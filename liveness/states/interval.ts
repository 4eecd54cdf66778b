/** How often a device reports that does not say so: learned from the gaps between its last reports. */
import { limits } from '../../telemetry/limits.ts'

export type Learned = {
  /** The usual gap, milliseconds. */
  intervalMs: number
  /** The device keeps a rhythm. Otherwise it reports when something happens. */
  isRegular: boolean
  /** The longest of the gaps. */
  longestMs: number
}

/** Spread of the gaps, as a part of the usual one, up to which they are a rhythm. */
const rhythmSpread = 0.1

/** Null: too few of them. */
export function learn(gaps: readonly number[]): Learned | null {
  if (gaps.length < limits.gapsLearnedMin) return null
  const intervalMs = median(gaps)
  // Of a median a few missed reports, or a few that came in a bunch, change nothing.
  const spreadMs = median(gaps.map((gap) => Math.abs(gap - intervalMs)))
  // What is sent again after an outage comes in a quick rhythm, which says nothing of the usual one.
  const isRegular = intervalMs >= limits.rhythmMsMin && spreadMs <= rhythmSpread * intervalMs
  return { intervalMs, isRegular, longestMs: Math.max(...gaps) }
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : Math.round(((sorted[middle - 1] as number) + upper) / 2)
}

export const withGap = (gaps: readonly number[], gapMs: number): number[] => [
  ...gaps.slice(-(limits.gapsRemembered - 1)),
  gapMs,
]
