import { expect, test } from 'vitest'
import { unitNames } from '../../telemetry/units.ts'
import { type Profile, sensorNames } from '../profile.ts'
import { createRandom } from '../random.ts'
import type { Sensor } from '../sensor.ts'
import { createSensors } from './sensors.ts'

const startMs = Date.UTC(2026, 0, 1)
const profileOf = (part: Partial<Profile>) =>
  ({ site: 'valley', sensors: [...sensorNames], faults: [], ...part }) as unknown as Profile
const all = (seed: number, part: Partial<Profile> = {}) =>
  createSensors(profileOf(part), createRandom(seed), startMs, () => 3.712)
const run = (sensors: Sensor[], samples: number, stepMs: number) =>
  Array.from({ length: samples }, (_, i) => sensors.map((sensor) => sensor.sample(startMs + i * stepMs)))

test('sensors repeat themselves when the seed is the same, and differ when it is not', () => {
  expect(run(all(7), 500, 60_000)).toEqual(run(all(7), 500, 60_000))
  expect(run(all(7), 500, 60_000)).not.toEqual(run(all(8), 500, 60_000))
})

test('sensors have channels of different names and known units', () => {
  const quantities = all(1).flatMap((sensor) => sensor.quantities)
  expect(new Set(quantities.map(({ channel }) => channel)).size).toBe(quantities.length)
  for (const { unit, kind } of quantities) if (kind !== 'text') expect(unitNames).toContain(unit)
})

test.each([1000, 60_000, 7 * 3_600_000])(
  'sensors answer a whole multiple of the resolution for each quantity when asked every %d ms',
  (stepMs) => {
    const sensors = all(3)
    for (const sample of run(sensors, 2000, stepMs)) {
      for (const [at, values] of sample.entries()) {
        const { quantities } = sensors[at] as Sensor
        expect(values.length).toBe(quantities.length)
        for (const [i, value] of values.entries()) {
          const { resolution, kind } = quantities[i] as Sensor['quantities'][number]
          if (resolution === null) expect(typeof value).toBe('string')
          else {
            const steps = kind === 'counter' ? (value as number) : (value as number) / resolution
            expect(Math.abs(steps - Math.round(steps))).toBeLessThan(1e-6)
            expect(Object.is(value, -0)).toBe(false)
          }
        }
      }
    }
  },
)

test('a sensor stays as it was when another is added to the profile', () => {
  const alone = run(all(7, { sensors: ['pulse'] }), 100, 1000).map(([pulse]) => pulse)
  expect(run(all(7, { sensors: ['pulse', 'lab'] }), 100, 1000).map(([pulse]) => pulse)).toEqual(alone)
})

test('sensors still answer numbers when the clock is set back', () => {
  const sensors = all(5)
  run(sensors, 10, 3_600_000)
  for (const values of run(sensors, 3, 60_000).flat()) {
    for (const value of values) if (typeof value !== 'string') expect(Number.isFinite(value)).toBe(true)
  }
})

test('voltage is that of the cell, and of an adapter when there is none', () => {
  const volts = (cell: number | null) => {
    const [sensor] = createSensors(profileOf({ sensors: ['voltage'] }), createRandom(1), startMs, () => cell) as [
      Sensor,
    ]
    return Array.from({ length: 500 }, (_, i) => sensor.sample(startMs + i * 1000)[0] as number)
  }
  const mean = (numbers: number[]) => numbers.reduce((sum, number) => sum + number) / numbers.length
  expect(mean(volts(3.123))).toBeCloseTo(3.123, 3)
  expect(mean(volts(null))).toBeGreaterThan(4.8)
  expect(mean(volts(null))).toBeLessThan(5.2)
  expect(Math.min(...volts(0))).toBe(0)
})

test('a fault is in its share of the devices', () => {
  const plan = { fault: 'gain', share: 0.3, perDay: null, atS: 0, lastsS: 0, amount: 1000 } as const
  const ill = Array.from({ length: 400 }, (_, seed) => {
    const [sensor] = all(seed, { sensors: ['voltage'], faults: [plan] }) as [Sensor]
    return (sensor.sample(startMs + 1000)[0] as number) > 1000
  }).filter(Boolean).length
  expect(ill / 400).toBeGreaterThan(0.22)
  expect(ill / 400).toBeLessThan(0.38)
})
