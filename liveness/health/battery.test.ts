/** What is left of a battery, held against one that ran until it was empty, and against made-up ones. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { cellCurves, chargeOf } from '../../telemetry/cells.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Battery, batteryView, createBattery, guessCell, takeVolts } from './battery.ts'

const dayMs = 86_400_000
const realPath = '/work/shared/data/node-voltage-hours.csv'

function run(
  voltsOf: (day: number) => number,
  days: number,
  celsiusOf: (day: number) => number | null = () => 20,
): Battery {
  const battery = createBattery(voltsOf(0), null, 0) as Battery
  for (let day = 0; day < days; day++) takeVolts(battery, voltsOf(day), celsiusOf(day), day * dayMs)
  return battery
}

test('a charge follows the curve from full to empty, and stays within it', () => {
  const curve = cellCurves['alkaline-2aa']
  expect([3.3, 2.99, 2.71, 2.16, 1, -1].map((volts) => chargeOf(curve, volts))).toEqual([1, 1, 0.5, 0, 0, 0])
  expect(chargeOf(curve, 2.69)).toBeCloseTo(0.45)
})

test('a charge is unknown while a flat cell shows nothing of it', () => {
  expect(chargeOf(cellCurves['li-socl2-aa'], 3.65)).toBe(null)
  expect(chargeOf(cellCurves['li-socl2-aa'], 3.44)).toBeCloseTo(0.05)
})

test('a cell is guessed by its voltage, and not when no cell has it', () => {
  expect([4.1, 3.6, 3.0, 0.4, 12].map(guessCell)).toEqual(['lipo-1ah', 'li-socl2-aa', 'alkaline-2aa', null, null])
})

test('days left are unknown until the battery has fallen for two weeks', () => {
  const falling = (day: number) => 2.99 - day * 0.004
  expect(batteryView(run(falling, 10)).daysLeft).toBe(null)
  expect(batteryView(run(() => 2.8, 60)).daysLeft).toBe(null)
  expect(batteryView(run(falling, 40)).daysLeft).not.toBe(null)
})

test('a battery was replaced when its voltage has stepped up for two days, and its days are counted anew', () => {
  const battery = run((day) => (day < 60 ? 2.9 - day * 0.008 : 2.98), 64)
  expect(battery.replacedAtMs).toBe(60 * dayMs)
  expect(batteryView(battery)).toMatchObject({ percent: 99, daysLeft: null })
})

test('a battery was not replaced when one day alone is higher', () => {
  expect(run((day) => (day === 30 ? 2.98 : 2.6), 40).replacedAtMs).toBe(null)
})

test('a cold spell takes nothing from a battery', () => {
  const battery = run(
    (day) => (day > 30 ? 2.4 : 2.8),
    35,
    (day) => (day > 30 ? -10 : 20),
  )
  expect(batteryView(battery).percent).toBeGreaterThan(60)
})

test('the trend of a battery takes no more memory after ten years', () => {
  expect(run((day) => 2.99 - day * 0.0002, 3650).trend.means.length).toBeLessThanOrEqual(limits.healthTrendMeansMax)
})

// The curve of alkaline cells comes from this node, so this shows the method and not how well the curve fits other cells.
test.skipIf(!existsSync(realPath))('the range of days left holds the truth at 50, 70 and 90 % of a real life', () => {
  const rows = readFileSync(realPath, 'utf8').trim().split('\n').slice(1)
  const readings = rows.map((row) => {
    const [date = '', , volts, celsius] = row.split(',')
    return { atMs: Date.parse(`${date.replace(' ', 'T')}Z`), volts: Number(volts), celsius: Number(celsius) }
  })
  const [beganMs, endMs] = [readings[0]?.atMs as number, readings.at(-1)?.atMs as number]
  for (const share of [0.5, 0.7, 0.9]) {
    const battery = createBattery(readings[0]?.volts as number, null, beganMs) as Battery
    const nowMs = beganMs + share * (endMs - beganMs)
    for (const { atMs, volts, celsius } of readings) if (atMs <= nowMs) takeVolts(battery, volts, celsius, atMs)
    const truth = (endMs - nowMs) / dayMs
    const { daysLeft } = batteryView(battery)
    expect(daysLeft?.from, `${share}`).toBeLessThan(truth)
    expect(daysLeft?.to, `${share}`).toBeGreaterThan(truth)
  }
})
