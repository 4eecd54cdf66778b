/**
 * A battery: what is left in percent by the curve of its chemistry, how many days that lasts, and when it was replaced. A cold cell
 * shows less than it holds, so voltages in the cold do not count for the trend.
 */
import { type CellName, cellCurves, chargeOf } from '../../telemetry/cells.ts'
import { addDay, createTrend, daysToZero, type Trend } from './trend.ts'

/** Saved as it is. */
export type Battery = {
  cell: CellName
  isConfigured: boolean
  volts: number
  isCold: boolean
  /** Of the day that is not over. */
  day: number
  sum: number
  count: number
  /** Means of the latest whole days, volts. */
  lastDays: number[]
  replacedAtMs: number | null
  trend: Trend
}

export type BatteryView = {
  title: string
  /** Null: its voltage does not tell. */
  percent: number | null
  daysLeft: { from: number; to: number; likely: number } | null
}

const dayMs = 86_400_000
const coldCelsius = 5
/** Step up of the voltage that two days must show, part of the range of the curve. */
const replacedStep = 0.2
const daysBefore = 3

/** By the voltage of a new cell; null: no cell that is known has it. */
export function guessCell(volts: number): CellName | null {
  if (volts >= 3.75 && volts <= 4.3) return 'lipo-1ah'
  if (volts >= 3.3 && volts < 3.75) return 'li-socl2-aa'
  return volts >= 2 && volts < 3.3 ? 'alkaline-2aa' : null
}

export function createBattery(volts: number, configured: CellName | null, atMs: number): Battery | null {
  const cell = configured ?? guessCell(volts)
  if (cell === null) return null
  return {
    cell,
    isConfigured: configured !== null,
    volts,
    isCold: false,
    day: Math.floor(atMs / dayMs),
    sum: 0,
    count: 0,
    lastDays: [],
    replacedAtMs: null,
    trend: createTrend(),
  }
}

/** `celsius`: null when nobody measures it. In order of time. */
export function takeVolts(battery: Battery, volts: number, celsius: number | null, atMs: number): void {
  battery.volts = volts
  battery.isCold = celsius !== null && celsius < coldCelsius
  const day = Math.floor(atMs / dayMs)
  if (day > battery.day) {
    closeDay(battery)
    battery.day = day
  }
  // Only a LiPo shows this much: what was guessed by a half empty one was wrong.
  if (!battery.isConfigured && battery.cell === 'li-socl2-aa' && volts >= 3.8) {
    battery.cell = 'lipo-1ah'
    battery.trend = createTrend()
  }
  if (battery.isCold) return
  battery.sum += volts
  battery.count++
}

function closeDay(battery: Battery): void {
  if (battery.count === 0) return
  const mean = battery.sum / battery.count
  battery.sum = 0
  battery.count = 0
  const { lastDays } = battery
  lastDays.push(mean)
  if (lastDays.length > daysBefore + 2) lastDays.shift()
  if (isReplaced(battery)) {
    battery.replacedAtMs = (battery.day - 1) * dayMs
    battery.trend = createTrend()
    lastDays.splice(0, lastDays.length - 2)
    if (!battery.isConfigured) battery.cell = guessCell(mean) ?? battery.cell
  }
  const charge = chargeOf(cellCurves[battery.cell], mean)
  if (charge !== null) addDay(battery.trend, battery.day, charge)
}

function isReplaced({ cell, lastDays }: Battery): boolean {
  const { openCircuitVolts, isRechargeable } = cellCurves[cell]
  if (isRechargeable || lastDays.length < 3) return false
  const range = (openCircuitVolts[0] as number) - (openCircuitVolts.at(-1) as number)
  const before = Math.max(...lastDays.slice(0, -2))
  return Math.min(...lastDays.slice(-2)) - before >= replacedStep * range
}

/** Null: its voltage does not tell. In the cold the last warm days know better. */
export function batteryPercent({ cell, volts, isCold, trend }: Battery): number | null {
  const charge = chargeOf(cellCurves[cell], volts)
  const known = isCold ? (trend.means.at(-1)?.value ?? charge) : charge
  return known === null ? null : Math.round(known * 100)
}

/** Reckons the trend: for each question, not for each report. */
export const batteryView = (battery: Battery): BatteryView => ({
  title: cellCurves[battery.cell].title,
  percent: batteryPercent(battery),
  daysLeft: daysToZero(battery.trend),
})
