/**
 * Tipping bucket of 0.2 mm under the storms of its site. Gauges side by side differ as real ones do: by how much their buckets hold,
 * by minutes in which the rain reaches them, and a little in each cell of a storm. When it tips is the same however often it is asked.
 */
import { createRandom, type Random } from '../random.ts'
import type { Sensor } from '../sensor.ts'
import { siteSeed } from './site-seed.ts'
import { type RainCell, rainCells, windowMs } from './storms.ts'

export const tipMm = 0.2
const tipsPerMm = 5
const hourMs = 3_600_000

/** Totals of 20 gauges side by side: 459 to 547 mm, coefficient of variation 4.4 %. */
const gainSpread = 0.045
const cellSpread = 0.08
const delayMsMax = 5 * 60_000
const counterBits = 16

/** Answers the tips since the last call. */
export function createRainGauge(site: string, random: Random, startMs: number): (nowMs: number) => number {
  const seed = siteSeed(site)
  // Drawn for each cell as it comes: of a seed of its own, so that who draws of `random` later gets the same.
  const own = createRandom(random.below(2 ** 32))
  const gain = Math.max(0.5, 1 + gainSpread * own.normal())
  const delayMs = own.between(-delayMsMax, delayMsMax)
  let lastMs = startMs
  let bucketMm = tipMm * own.fraction()
  let window = Math.floor((startMs - delayMs) / windowMs)
  let coming: RainCell[] = []
  let next = 0
  let raining = seen(window - 1).filter((cell) => cell.untilMs > startMs)
  load(window)

  /** The cells of a window as this gauge has them. */
  function seen(which: number): RainCell[] {
    return rainCells(seed, which).map(({ fromMs, untilMs, mmPerHour }) => ({
      fromMs: fromMs + delayMs,
      untilMs: untilMs + delayMs,
      mmPerHour: mmPerHour * gain * Math.exp(cellSpread * own.normal()),
    }))
  }
  function load(which: number) {
    window = which
    coming = seen(which)
    next = 0
  }
  function begin(nowMs: number) {
    for (;;) {
      const cell = coming[next]
      if (cell !== undefined && cell.fromMs >= nowMs) return
      if (cell !== undefined) {
        raining.push(cell)
        next++
      } else if ((window + 1) * windowMs + delayMs < nowMs) load(window + 1)
      else return
    }
  }

  return (nowMs) => {
    if (nowMs <= lastMs) return 0
    begin(nowMs)
    if (raining.length > 0) {
      for (const { fromMs, untilMs, mmPerHour } of raining) {
        const wetMs = Math.min(nowMs, untilMs) - Math.max(lastMs, fromMs)
        if (wetMs > 0) bucketMm += (mmPerHour * wetMs) / hourMs
      }
      raining = raining.filter(({ untilMs }) => untilMs > nowMs)
    }
    lastMs = nowMs
    const tips = Math.floor(bucketMm * tipsPerMm)
    bucketMm -= tips / tipsPerMm
    return tips
  }
}

/** What fell since the last sample. */
export function createRain(site: string, random: Random, startMs: number): Sensor {
  const tips = createRainGauge(site, random, startMs)
  return {
    quantities: [{ channel: 'rainfall', unit: 'mm', resolution: tipMm, kind: 'increment' }],
    // Division gives the double nearest to the decimal, which 3 * 0.2 is not.
    sample: (nowMs) => [tips(nowMs) / tipsPerMm],
  }
}

/** All tips so far, from some number on, in 16 bits. */
export function createRainCounter(site: string, random: Random, startMs: number): Sensor {
  const tips = createRainGauge(site, random, startMs)
  let count = random.below(2 ** counterBits)
  return {
    quantities: [{ channel: 'rain_count', unit: 'mm', resolution: tipMm, kind: 'counter', counterBits }],
    sample: (nowMs) => {
      count = (count + tips(nowMs)) % 2 ** counterBits
      return [count]
    },
  }
}
