/** A vehicle of a site: rounds over the same places, each way at a speed of its own, with stops. */
import { createRandom, type Random } from '../random.ts'
import type { Sensor } from '../sensor.ts'
import { stepsOf } from './rounding.ts'
import { siteSeed } from './site-seed.ts'

/** Degrees, WGS 84. */
export type Place = { latitude: number; longitude: number }
/** A geofence: a circle on the ground. */
export type Fence = Place & { radiusM: number }

const earthM = 6_371_000
const metresPerDegree = (Math.PI * earthM) / 180
const stops = 8
const roundM = 3000
const stopMsMean = 4 * 60_000
const [slowest, fastest] = [5, 14]
/** A receiver under open sky. */
const noiseM = 2

/** Where the rounds of a site go around: somewhere in central Europe. */
export function centreOf(site: string): Place {
  const random = createRandom(siteSeed(site))
  return { latitude: random.between(47, 54), longitude: random.between(7, 20) }
}

/** Metres between two places no more than some hundred kilometres apart (equirectangular). */
export function distanceM(a: Place, b: Place): number {
  const middle = ((a.latitude + b.latitude) / 2) * (Math.PI / 180)
  return Math.hypot(b.latitude - a.latitude, (b.longitude - a.longitude) * Math.cos(middle)) * metresPerDegree
}

export const isWithin = (fence: Fence, place: Place): boolean => distanceM(fence, place) <= fence.radiusM

export function createPosition(site: string, random: Random, startMs: number): Sensor {
  const centre = centreOf(site)
  const perDegreeEast = metresPerDegree * Math.cos(centre.latitude * (Math.PI / 180))
  const moved = ({ latitude, longitude }: Place, northM: number, eastM: number): Place => ({
    latitude: latitude + northM / metresPerDegree,
    longitude: longitude + eastM / perDegreeEast,
  })
  const places = Array.from({ length: stops }, () =>
    moved(centre, random.between(-roundM, roundM), random.between(-roundM, roundM)),
  )
  let at = 0
  let from = places[0] as Place
  let to = from
  let leftMs = startMs
  let arrivedMs = startMs
  let metresPerS = 0
  let onwardMs = startMs + random.exponential(stopMsMean)

  function leave() {
    at = (at + 1) % stops
    from = to
    to = places[at] as Place
    metresPerS = random.between(slowest, fastest)
    leftMs = onwardMs
    arrivedMs = leftMs + (distanceM(from, to) / metresPerS) * 1000
    onwardMs = arrivedMs + random.exponential(stopMsMean)
  }
  const [degrees, speeds] = [stepsOf(1e-5), stepsOf(0.1)]
  return {
    quantities: [
      { channel: 'latitude', unit: 'lat', resolution: 1e-5, kind: 'gauge' },
      { channel: 'longitude', unit: 'lon', resolution: 1e-5, kind: 'gauge' },
      { channel: 'speed', unit: 'm/s', resolution: 0.1, kind: 'gauge' },
    ],
    sample(nowMs) {
      while (onwardMs <= nowMs) leave()
      const isDriving = nowMs < arrivedMs
      const part = isDriving ? (nowMs - leftMs) / (arrivedMs - leftMs) : 1
      const way = {
        latitude: from.latitude + part * (to.latitude - from.latitude),
        longitude: from.longitude + part * (to.longitude - from.longitude),
      }
      const said = moved(way, noiseM * random.normal(), noiseM * random.normal())
      const speed = isDriving ? Math.max(0, metresPerS + 0.3 * random.normal()) : 0
      return [degrees(said.latitude), degrees(said.longitude), speeds(speed)]
    },
  }
}
