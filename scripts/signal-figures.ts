/** What series of a gauge, a heart and a cell have in common with each other, as numbers by name. */

export type Figures = { [name: string]: number }
/** Minutes that have tips, in order: the minute's number, and how many. `hours` long in all. */
export type TipSeries = { hours: number; minutes: Array<readonly [minute: number, tips: number]> }

const mmPerTip = 0.2
/** So long without a tip, and the event is over. */
export const eventGapMinutes = 120
const yearHours = 365 * 24

export const mean = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length
const deviation = (numbers: number[]) => Math.sqrt(Math.max(0, mean(numbers.map((it) => it ** 2)) - mean(numbers) ** 2))
export function quantile(numbers: number[], part: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] as number
}
const quantiles = (numbers: number[], parts: number[]) => parts.map((part) => quantile(numbers, part))

/** Millimetres of each hour that had tips. */
export function wetHours({ minutes }: TipSeries): number[] {
  const tipsByHour = new Map<number, number>()
  for (const [minute, tips] of minutes) {
    const hour = Math.floor(minute / 60)
    tipsByHour.set(hour, (tipsByHour.get(hour) ?? 0) + tips)
  }
  return [...tipsByHour.values()].map((tips) => tips * mmPerTip)
}

/** Hours between tips, from two hours on. */
export const dryGaps = ({ minutes }: TipSeries): number[] =>
  minutes.flatMap(([minute], i) => {
    const before = minutes[i - 1]?.[0] ?? minute
    return minute - before >= eventGapMinutes ? [(minute - before) / 60] : []
  })

/** Minutes between tips that are nearer to each other. */
const tipGaps = ({ minutes }: TipSeries): number[] =>
  minutes.flatMap(([minute], i) => {
    const before = minutes[i - 1]?.[0] ?? minute
    return minute > before && minute - before < eventGapMinutes ? [minute - before] : []
  })

/** What rains between two dry gaps, where it is two tips or more. */
function events({ minutes }: TipSeries): Array<{ hours: number; mm: number }> {
  const all: Array<{ from: number; until: number; tips: number }> = []
  for (const [minute, tips] of minutes) {
    const last = all.at(-1)
    if (last === undefined || minute - last.until >= eventGapMinutes) all.push({ from: minute, until: minute, tips })
    else {
      last.until = minute
      last.tips += tips
    }
  }
  return all
    .filter(({ tips }) => tips > 1)
    .map(({ from, until, tips }) => ({ hours: (until - from) / 60, mm: tips * mmPerTip }))
}

/** Of one gauge or several; what is the most in a series is the mean over them. */
export function rainFigures(series: TipSeries[]): Figures {
  const hours = series.reduce((sum, it) => sum + it.hours, 0)
  const [wet, gaps, between, rains] = [
    series.flatMap(wetHours),
    series.flatMap(dryGaps),
    series.flatMap(tipGaps),
    series.flatMap(events),
  ]
  const tips = series.flatMap((it) => it.minutes.map(([, count]) => count))
  const [wet50, wet90, wet99] = quantiles(wet, [0.5, 0.9, 0.99]) as [number, number, number]
  const [gap25, gap50, gap75, gap90] = quantiles(gaps, [0.25, 0.5, 0.75, 0.9]) as [number, number, number, number]
  return {
    'rain, mm a year': (wet.reduce((sum, mm) => sum + mm, 0) / hours) * yearHours,
    'wet hours, %': (100 * wet.length) / hours,
    'wet hour, mean, mm': mean(wet),
    'wet hour, median, mm': wet50,
    'wet hour, 90 %, mm': wet90,
    'wet hour, 99 %, mm': wet99,
    'minutes with one tip, of those with any, %': (100 * tips.filter((count) => count === 1).length) / tips.length,
    'tips in a minute, most': mean(series.map((it) => Math.max(...it.minutes.map(([, count]) => count)))),
    'between tips of an event, median, min': quantile(between, 0.5),
    'dry gaps of 2 h and more, a year': (gaps.length / hours) * yearHours,
    'dry gap, mean, h': mean(gaps),
    'dry gap, deviation, h': deviation(gaps),
    'dry gap, 25 %, h': gap25,
    'dry gap, median, h': gap50,
    'dry gap, 75 %, h': gap75,
    'dry gap, 90 %, h': gap90,
    'event of 2 tips and more, mean, h': mean(rains.map((rain) => rain.hours)),
    'event of 2 tips and more, median, h': quantile(
      rains.map((rain) => rain.hours),
      0.5,
    ),
    'event of 2 tips and more, mean, mm': mean(rains.map((rain) => rain.mm)),
    'event of 2 tips and more, median, mm': quantile(
      rains.map((rain) => rain.mm),
      0.5,
    ),
  }
}

/** How alike beats are that are so many apart, 1 to -1. */
function autocorrelation(intervals: number[], lag: number): number {
  const centre = mean(intervals)
  const products = intervals.slice(lag).map((it, i) => (it - centre) * ((intervals[i] as number) - centre))
  return products.reduce((sum, it) => sum + it, 0) / intervals.length / deviation(intervals) ** 2
}

/** Intervals between beats, ms. */
export const heartFigures = (intervals: number[]): Figures => ({
  'interval, mean, ms': mean(intervals),
  'SDNN, ms': deviation(intervals),
  'RMSSD, ms': Math.sqrt(mean(intervals.slice(1).map((it, i) => (it - (intervals[i] as number)) ** 2))),
  'autocorrelation of neighbours': autocorrelation(intervals, 1),
  'autocorrelation 10 beats apart': autocorrelation(intervals, 10),
})

export type VoltageSeries = Array<readonly [hour: number, volts: number]>

/** Volts at each twentieth of the life, as means over a hundredth of it. */
export function dischargeCurve(series: VoltageSeries): Array<readonly [part: number, volts: number]> {
  const [first, last] = [series[0]?.[0] ?? 0, series.at(-1)?.[0] ?? 0]
  return Array.from({ length: 21 }, (_, i) => {
    const part = i / 20
    const near = series.filter(([hour]) => Math.abs((hour - first) / (last - first) - part) <= 0.005)
    return [part, mean(near.map(([, volts]) => volts))] as const
  })
}
