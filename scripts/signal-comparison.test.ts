import { expect, test } from 'vitest'
import { createRandom } from '../devices-sim/random.ts'
import { outOfBounds, published, simulatedHeartFigures } from './signal-comparison.ts'
import { rainFigures } from './signal-figures.ts'
import { gaugeDays, simulatedRain } from './signal-series.ts'

const simulated = { ...rainFigures(simulatedRain()), ...simulatedHeartFigures() }

test('simulated rain and hearts are within the bounds of published figures', () => {
  expect(outOfBounds(published, simulated)).toEqual([])
})

test('rain without storms is seen to be none', () => {
  // As much water in as many hours, but each hour by itself: the demonstration's idea of weather.
  const random = createRandom(1)
  const minutes = Array.from({ length: gaugeDays * 1440 }, (_, minute) => minute)
    .filter(() => random.fraction() < 526 / 0.2 / (gaugeDays * 1440))
    .map((minute) => [minute, 1] as const)
  const wrong = outOfBounds(published, { ...simulated, ...rainFigures([{ hours: gaugeDays * 24, minutes }]) })
  expect(wrong.some((line) => line.startsWith('dry gap, mean'))).toBe(true)
  expect(wrong.some((line) => line.startsWith('wet hours'))).toBe(true)
})

test('a figure that the simulation lacks is out of bounds', () => {
  expect(outOfBounds({ 'SDNN, ms': 57.8 }, {})).toEqual(['SDNN, ms: undefined simulated, 57.8 measured'])
})
