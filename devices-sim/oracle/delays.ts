/** How often what happened: delays in steps that grow, and times of a run in equal stretches. Small, whatever the run. */

const perOctave = 4
const octaves = 40

/** Delays from 1 ms up to 2^40 ms, four steps to the double. */
export type Delays = { counts: number[]; count: number; maxMs: number }

export const createDelays = (): Delays => ({
  counts: new Array<number>(octaves * perOctave).fill(0),
  count: 0,
  maxMs: 0,
})

export function addDelay(delays: Delays, ms: number): void {
  const at = Math.floor(Math.log2(Math.max(1, ms)) * perOctave)
  const index = Math.min(at, delays.counts.length - 1)
  delays.counts[index] = (delays.counts[index] as number) + 1
  delays.count++
  delays.maxMs = Math.max(delays.maxMs, ms)
}

/** Upper end of a step, ms. */
export const delayUpTo = (step: number): number => 2 ** ((step + 1) / perOctave)

/** The delay that this part of all do not exceed, up to a step; 0 when there are none. */
export function quantile(delays: Delays, part: number): number {
  let left = part * delays.count
  for (const [step, count] of delays.counts.entries()) {
    left -= count
    if (left <= 0 && count > 0) return Math.min(delayUpTo(step), delays.maxMs)
  }
  return delays.maxMs
}

export type Stretches = { fromMs: number; widthMs: number; expected: number[]; stored: number[] }

const hourMs = 3_600_000
const stretchesMax = 400
const stretchesMin = 24

/** Hours, unless these are too many or too few. */
export function createStretches(fromMs: number, toMs: number): Stretches {
  const lengthMs = Math.max(1, toMs - fromMs)
  const hours = lengthMs / hourMs
  const widthMs =
    hours > stretchesMax
      ? Math.ceil(hours / stretchesMax) * hourMs
      : hours < stretchesMin
        ? Math.ceil(lengthMs / stretchesMin)
        : hourMs
  const zeros = () => new Array<number>(Math.floor(lengthMs / widthMs) + 1).fill(0)
  return { fromMs, widthMs, expected: zeros(), stored: zeros() }
}

export function addAt({ fromMs, widthMs }: Stretches, counts: number[], timeMs: number): void {
  const at = Math.floor((timeMs - fromMs) / widthMs)
  if (at >= 0 && at < counts.length) counts[at] = (counts[at] as number) + 1
}
