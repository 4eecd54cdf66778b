/**
 * The weather of a site: storms come by chance (Poisson), each is a sequence of cells, and a cell is rain of one strength
 * (Bartlett-Lewis rectangular pulses [Rodriguez-Iturbe, Cox, Isham 1987]). Storms differ in pace: all that takes time in a fast one is
 * shorter by one factor, and it rains harder by the same. Fitted to a gauge of 0.2 mm over 280 days: docs/signal-statistics.md.
 * Seasons and times of day are alike.
 */
import { createRandom, memberSeed, type Random } from '../random.ts'

const hourMs = 3_600_000

/** The rain of overlapping cells adds up. */
export type RainCell = { fromMs: number; untilMs: number; mmPerHour: number }

const betweenStormsHMean = 78
/** At a pace of 1. */
const stormHMean = 13.2
const betweenCellsHMean = 2.5
const cellHMean = 0.93
const cellMmPerHourMean = 1.07
/** Deviations of the logarithms of a storm's pace, and of the strength of a cell. */
const paceSpread = 0.87
const strengthSpread = 1.12

/** The stretch of time whose storms have a seed of their own. No storm and no cell is longer. */
export const windowMs = 30 * 24 * hourMs

/** Log-normal with mean 1. */
const around1 = (random: Random, spread: number) => Math.exp(spread * random.normal() - spread ** 2 / 2)

/** All cells of the storms that begin in that window. */
function stormsOf(seed: number, window: number): RainCell[] {
  const random = createRandom(memberSeed(seed, window))
  const cells: RainCell[] = []
  const beginMs = window * windowMs
  const gapMs = () => random.exponential(betweenStormsHMean) * hourMs
  for (let stormMs = beginMs + gapMs(); stormMs < beginMs + windowMs; stormMs += gapMs()) {
    const pace = around1(random, paceSpread)
    const ms = (hoursMean: number) => Math.min(windowMs, (random.exponential(hoursMean) * hourMs) / pace)
    const endMs = stormMs + ms(stormHMean)
    for (let fromMs = stormMs; fromMs <= endMs; fromMs += ms(betweenCellsHMean)) {
      const mmPerHour = pace * cellMmPerHourMean * around1(random, strengthSpread)
      cells.push({ fromMs, untilMs: fromMs + ms(cellHMean), mmPerHour })
    }
  }
  return cells
}

/** The cells that begin in that window (counted from 1970), by their beginning; the same whoever asks, and whenever. */
export function rainCells(seed: number, window: number): RainCell[] {
  return [...stormsOf(seed, window - 1), ...stormsOf(seed, window)]
    .filter(({ fromMs }) => Math.floor(fromMs / windowMs) === window)
    .sort((a, b) => a.fromMs - b.fromMs)
}
