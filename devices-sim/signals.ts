/**
 * What the sensors of a device measure. Shapes and ranges follow real gauges, cells and hearts; weather and discharge
 * run faster than in nature, so that a page that was just opened shows them.
 */
import type { Random } from './random.ts'

/** Asked with a growing time, answers the value at that time. */
export type Signal = (nowMs: number) => number

/** One tip of the bucket: 0.2 mm is the usual gauge. */
const tipsPerMm = 5
const stormMsMean = 4 * 60_000
const dryMsMean = 3 * 60_000
/** 7 tips a minute, the most that 20 real gauges showed in 280 days. */
const intensityMmPerHourMax = 84

/** Tipping bucket: mm since the last report, a multiple of 0.2. Storms and dry gaps of exponential length take turns. */
export function createRainfall(random: Random, startMs: number): Signal {
  let isStormNext = random.fraction() < 0.6
  let mmPerHour = 0
  let untilMs = startMs
  let lastMs = startMs
  let bucketTips = random.fraction()

  const turn = () => {
    mmPerHour = isStormNext ? Math.min(intensityMmPerHourMax, 8 + random.exponential(30)) : 0
    untilMs += random.exponential(isStormNext ? stormMsMean : dryMsMean)
    isStormNext = !isStormNext
  }
  turn()
  return (nowMs) => {
    while (lastMs < nowMs) {
      const toMs = Math.min(nowMs, untilMs)
      bucketTips += (mmPerHour * tipsPerMm * (toMs - lastMs)) / 3_600_000
      lastMs = toMs
      if (toMs === untilMs) turn()
    }
    const tips = Math.floor(bucketTips)
    bucketTips -= tips
    // Division gives the double nearest to the decimal; 3 * 0.2 would be 0.6000000000000001.
    return tips / tipsPerMm
  }
}

const pulseMin = 40
const pulseMax = 160

/** Beats per minute of a person at rest: a base, a slow wave of activity, and noise that remembers (AR(1), φ 0.8). */
export function createPulse(random: Random, startMs: number): Signal {
  const base = random.between(58, 82)
  const wave = random.between(4, 12)
  const periodMs = random.between(60_000, 180_000)
  const phase = random.fraction()
  let noise = 0
  return (nowMs) => {
    noise = 0.8 * noise + 1.5 * random.normal()
    const bpm = base + wave * Math.sin(2 * Math.PI * ((nowMs - startMs) / periodMs + phase)) + noise
    return Math.round(Math.min(pulseMax, Math.max(pulseMin, bpm)))
  }
}

const cellEmptyV = 3.3

/** Volts of a lithium cell, in steps of 1 mV: a slow discharge, a little noise, and a dip when the radio was just on. */
export function createVoltage(random: Random, startMs: number): Signal {
  const fullV = random.between(3.7, 4.15)
  const perHourV = random.between(0.01, 0.04)
  return (nowMs) => {
    const restV = Math.max(cellEmptyV, fullV - (perHourV * (nowMs - startMs)) / 3_600_000)
    const dipV = random.fraction() < 0.1 ? random.between(0.02, 0.06) : 0
    return Math.round((restV - dipV + 0.002 * random.normal()) * 1000) / 1000
  }
}
