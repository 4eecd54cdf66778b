/** When a planned fault is there: once at a time of the run, or by chance again and again. */
import type { FaultPlan } from '../profile.ts'
import type { Random } from '../random.ts'

const dayMs = 24 * 3_600_000

/**
 * Asked with growing times, answers when the episode that is going on began; null: none is. A moment is answered once, to the first
 * who asks after it; otherwise what lasts 0 seconds lasts for ever. `startMs`: of the run.
 */
export function createEpisodes(
  { perDay, atS, lastsS }: Pick<FaultPlan, 'perDay' | 'atS' | 'lastsS'>,
  isMoment: boolean,
  random: Random,
  startMs: number,
): (nowMs: number) => number | null {
  const lastsMs = lastsS === 0 ? Number.POSITIVE_INFINITY : lastsS * 1000
  const after = (timeMs: number) =>
    perDay === null || perDay === 0 ? Number.POSITIVE_INFINITY : timeMs + random.exponential(dayMs / perDay)
  let beginMs = perDay === null ? startMs + (atS ?? 0) * 1000 : after(startMs)
  if (!isMoment) {
    return (nowMs) => {
      while (nowMs >= beginMs + lastsMs) beginMs = after(beginMs + lastsMs)
      return nowMs >= beginMs ? beginMs : null
    }
  }
  return (nowMs) => {
    if (nowMs < beginMs) return null
    const beganMs = beginMs
    while (beginMs <= nowMs) beginMs = after(beginMs)
    return beganMs
  }
}
