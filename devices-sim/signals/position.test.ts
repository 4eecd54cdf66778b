import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { centreOf, createPosition, distanceM, isWithin, type Place } from './position.ts'

const startMs = Date.UTC(2026, 0, 1)

const drive = (seed: number, samples: number, stepMs: number) => {
  const sensor = createPosition('depot', createRandom(seed), startMs)
  return Array.from({ length: samples }, (_, i) => {
    const [latitude, longitude, speed] = sensor.sample(startMs + i * stepMs) as [number, number, number]
    return { latitude, longitude, speed }
  })
}

test('distance is that of the sphere', () => {
  // Berlin to Hamburg: 255 km.
  const km = distanceM({ latitude: 52.52, longitude: 13.405 }, { latitude: 53.551, longitude: 9.994 }) / 1000
  expect(km).toBeGreaterThan(253)
  expect(km).toBeLessThan(257)
})

test('vehicle moves as fast as it says, and stands between', () => {
  const way = drive(1, 7200, 1000)
  const stands = way.filter(({ speed }) => speed === 0).length / way.length
  expect(stands).toBeGreaterThan(0.1)
  expect(stands).toBeLessThan(0.9)
  for (let i = 30; i < way.length; i++) {
    const part = way.slice(i - 30, i)
    if (part.some(({ speed }) => speed === 0)) continue
    const metres = distanceM(part[0] as Place, part[29] as Place)
    expect(Math.abs(metres / 29 - (part[15] as { speed: number }).speed)).toBeLessThan(2)
  }
  expect(Math.max(...way.map(({ speed }) => speed))).toBeLessThan(16)
})

test('vehicle stays around its site, and leaves and enters a fence in it', () => {
  const way = drive(2, 24 * 60, 60_000)
  const site = { ...centreOf('depot'), radiusM: 4300 }
  expect(way.every((place) => isWithin(site, place))).toBe(true)
  const fence = { ...(way[0] as Place), radiusM: 300 }
  const inside = way.map((place) => isWithin(fence, place))
  expect(inside[0]).toBe(true)
  expect(inside.filter((is, i) => i > 0 && is !== inside[i - 1]).length).toBeGreaterThan(4)
})
