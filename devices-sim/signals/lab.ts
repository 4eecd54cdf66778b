/**
 * An experiment that people follow live, asked about once a second: a bath heats and cools in ramps towards set points, and doses of
 * acid and base move its pH.
 */
import type { Random } from '../random.ts'
import type { Sensor } from '../sensor.ts'
import { stepsOf } from './rounding.ts'

const roomCel = 22
const hottestCel = 80
/** A set point is held so long, and the way to the next one takes a ramp of so much in a minute. */
const holdMsMin = 3 * 60_000
const holdMsMax = 8 * 60_000
const [gentlest, steepest] = [1, 4]
/** The bath follows its set point with this delay. */
const bathMs = 40_000
const doseMsMean = 4 * 60_000
const doseMax = 1.2
/** A dose is mixed, and a buffer pulls back to neutral. */
const mixingMs = 15_000
const bufferMs = 10 * 60_000
/** What neutral water loses with each degree. */
const phPerCel = -0.017
const neutralPh = 7.35

export function createLab(random: Random, startMs: number): Sensor {
  let lastMs = startMs
  let [fromCel, toCel] = [roomCel, roomCel]
  let [rampMs, arriveMs] = [startMs, startMs]
  let holdsUntilMs = startMs + random.between(holdMsMin, holdMsMax)
  let bathCel = roomCel
  let doseMs = startMs + random.exponential(doseMsMean)
  let [dosed, mixed] = [0, 0]

  function nextRamp() {
    fromCel = toCel
    toCel = Math.round(random.between(roomCel, hottestCel) * 2) / 2
    rampMs = holdsUntilMs
    arriveMs = rampMs + (Math.abs(toCel - fromCel) / random.between(gentlest, steepest)) * 60_000
    holdsUntilMs = arriveMs + random.between(holdMsMin, holdMsMax)
  }
  const setPointAt = (nowMs: number) =>
    nowMs >= arriveMs ? toCel : fromCel + ((toCel - fromCel) * (nowMs - rampMs)) / (arriveMs - rampMs)
  const [tenths, hundredths] = [stepsOf(0.1), stepsOf(0.01)]
  return {
    quantities: [
      { channel: 'bath_temperature', unit: 'Cel', resolution: 0.01, kind: 'gauge' },
      { channel: 'set_point', unit: 'Cel', resolution: 0.1, kind: 'gauge' },
      { channel: 'ph', unit: 'pH', resolution: 0.01, kind: 'gauge' },
    ],
    sample(askedMs) {
      // A real clock may be set back: time stands still then.
      const nowMs = Math.max(askedMs, lastMs)
      while (holdsUntilMs <= nowMs) nextRamp()
      const kept = (tauMs: number) => Math.exp((lastMs - nowMs) / tauMs)
      const setPoint = setPointAt(nowMs)
      bathCel = setPoint + (bathCel - setPoint) * kept(bathMs)
      dosed *= kept(bufferMs)
      for (; doseMs <= nowMs; doseMs += random.exponential(doseMsMean)) dosed += random.between(-doseMax, doseMax)
      mixed = dosed + (mixed - dosed) * kept(mixingMs)
      lastMs = nowMs
      const ph = neutralPh + phPerCel * bathCel + mixed
      return [
        hundredths(bathCel + 0.02 * random.normal()),
        tenths(setPoint),
        hundredths(Math.min(14, Math.max(0, ph + 0.01 * random.normal()))),
      ]
    },
  }
}
