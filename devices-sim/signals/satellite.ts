/**
 * A small satellite in low orbit: warm and charging in the sun, cold and discharging in the shadow, losing fuel through a leak.
 * It measures all the time; a ground station hears it only in passes.
 */
import { createRandom, memberSeed, type Random } from '../random.ts'
import type { Sensor } from '../sensor.ts'
import { stepsOf } from './rounding.ts'

const orbitMs = 95 * 60_000
/** Part of an orbit in the sun. */
const sunny = 0.62
/** A pass right over the station; others are shorter. */
const passMsMax = 12 * 60_000

export type Passes = {
  isVisible(nowMs: number): boolean
  /** When that changes next. */
  nextChangeMs(nowMs: number): number
}

/** One pass in each orbit, of 5 to 12 minutes, over a station that the orbit never leaves far aside. Any time may be asked. */
export function passesOf(random: Random, startMs: number): Passes {
  const seed = random.below(2 ** 32)
  const firstMs = startMs + orbitMs * random.fraction()
  /** Begin and end of the pass nearest to that time. */
  function nearest(nowMs: number): [number, number] {
    const orbit = Math.round((nowMs - firstMs) / orbitMs)
    // How far aside of the zenith the pass is, as a part of the circle that the station sees.
    const aside = createRandom(memberSeed(seed, orbit)).between(0, 0.9)
    const halfMs = (passMsMax * Math.sqrt(1 - aside ** 2)) / 2
    const middleMs = firstMs + orbit * orbitMs
    return [middleMs - halfMs, middleMs + halfMs]
  }
  return {
    isVisible(nowMs) {
      const [fromMs, untilMs] = nearest(nowMs)
      return nowMs >= fromMs && nowMs < untilMs
    },
    nextChangeMs(nowMs) {
      const [fromMs, untilMs] = nearest(nowMs)
      if (nowMs < fromMs) return fromMs
      return nowMs < untilMs ? untilMs : nearest(nowMs + orbitMs)[0]
    },
  }
}

/** What skin of the satellite comes to in the sun and in the shadow, °C, and how slowly. */
const sunCel = 38
const shadowCel = -42
const thermalOrbits = 0.25
const busFullV = 8.2
const busSpanV = 0.7
/** The battery is full again after so much of the orbit. */
const fullAfter = 0.45
const tankHpa = 22_000
const tankCel = 20
const zeroCelK = 273.15
const leakPerDay = 0.0005

/** °C at that part of the orbit, from the rise of the sun on: two exponentials whose ends meet. */
function temperatureAt(part: number): number {
  const left = (parts: number) => Math.exp(-parts / thermalOrbits)
  const [day, night] = [left(sunny), left(1 - sunny)]
  const dawnCel = (shadowCel * (1 - night) + night * sunCel * (1 - day)) / (1 - day * night)
  if (part < sunny) return sunCel + (dawnCel - sunCel) * left(part)
  const duskCel = sunCel + (dawnCel - sunCel) * day
  return shadowCel + (duskCel - shadowCel) * left(part - sunny)
}

const busAt = (part: number) =>
  busFullV - busSpanV * (part < sunny ? Math.max(0, 1 - part / fullAfter) : (part - sunny) / (1 - sunny))

export function createSatellite(random: Random, startMs: number): Sensor {
  const phase = random.fraction()
  const [tenths, millivolts] = [stepsOf(0.1), stepsOf(0.001)]
  return {
    quantities: [
      { channel: 'temperature', unit: 'Cel', resolution: 0.1, kind: 'gauge' },
      { channel: 'bus_voltage', unit: 'V', resolution: 0.001, kind: 'gauge' },
      { channel: 'fuel_pressure', unit: 'hPa', resolution: 1, kind: 'gauge' },
    ],
    sample(nowMs) {
      const orbits = (nowMs - startMs) / orbitMs
      const cel = temperatureAt((orbits + phase) % 1)
      // The tank is insulated: it sees a fifth of the swing. Gas in a fixed volume: pressure follows the kelvins.
      const tankK = zeroCelK + tankCel + (cel - tankCel) / 5
      const hpa = (tankHpa * Math.exp((-leakPerDay * (nowMs - startMs)) / 86_400_000) * tankK) / (zeroCelK + tankCel)
      return [
        tenths(cel + 0.15 * random.normal()),
        millivolts(busAt((orbits + phase) % 1) + 0.004 * random.normal()),
        Math.round(hpa + 8 * random.normal()),
      ]
    },
  }
}
