/** When something that falls reaches zero, with a range; from a few means over all of its time, so that memory is bounded. */
import { limits } from '../../telemetry/limits.ts'

/** Means of equal stretches of time; when there are too many, two become one. Saved as it is. */
export type Trend = { stretchDays: number; means: Array<{ day: number; value: number; days: number }> }

export const createTrend = (): Trend => ({ stretchDays: 1, means: [] })

export function addDay(trend: Trend, day: number, value: number): void {
  const last = trend.means.at(-1)
  if (last !== undefined && last.days < trend.stretchDays) merge(last, { day, value, days: 1 })
  else trend.means.push({ day, value, days: 1 })
  if (trend.means.length <= limits.healthTrendMeansMax) return
  trend.stretchDays *= 2
  for (let i = 0; i + 1 < trend.means.length; i++) {
    merge(trend.means[i] as Trend['means'][number], ...trend.means.splice(i + 1, 1))
  }
}

function merge(into: Trend['means'][number], other?: Trend['means'][number]): void {
  if (other === undefined) return
  const days = into.days + other.days
  into.day = (into.day * into.days + other.day * other.days) / days
  into.value = (into.value * into.days + other.value * other.days) / days
  into.days = days
}

/** Days from the last mean on until it is zero; null: too short, or it does not fall. */
export function daysToZero({ means }: Trend): { from: number; to: number; likely: number } | null {
  const [first, last] = [means[0], means.at(-1)]
  if (first === undefined || last === undefined) return null
  if (last.day - first.day < limits.healthTrendDaysMin) return null
  // Less may be the last digit of its voltage.
  if (first.value - last.value < fallMin) return null
  const estimates = [means, means.slice(Math.floor(means.length / 2)), means.slice(Math.floor((means.length * 3) / 4))]
    .filter((part) => part.length >= 4)
    .map(medianSlope)
    .filter((slope) => slope < 0)
    .map((slope) => last.value / -slope)
  const likely = estimates[0]
  if (likely === undefined) return null
  return { from: Math.min(...estimates) * (1 - modelError), to: Math.max(...estimates) * (1 + modelError), likely }
}

/** Part of what is full. */
const fallMin = 0.03
/** Cells of one kind differ from the curve by about so much [estimate]. */
const modelError = 0.25

/** Theil and Sen: up to a quarter of the means may be wild. */
function medianSlope(means: Trend['means']): number {
  const slopes: number[] = []
  for (const [i, a] of means.entries()) {
    for (const b of means.slice(i + 1)) if (b.day > a.day) slopes.push((b.value - a.value) / (b.day - a.day))
  }
  slopes.sort((a, b) => a - b)
  return slopes[Math.floor(slopes.length / 2)] ?? 0
}
