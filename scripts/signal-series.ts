/** The series that are compared: simulated ones, and those of real sensors in the files of ../shared/data. */

import { createRandom } from '../devices-sim/random.ts'
import { createHeart } from '../devices-sim/signals/pulse.ts'
import { createRainGauge } from '../devices-sim/signals/rain.ts'
import { createVoltage } from '../devices-sim/signals/voltage.ts'
import type { TipSeries, VoltageSeries } from './signal-figures.ts'

const startMs = Date.UTC(2026, 0, 1)
const minuteMs = 60_000
const hourMs = 60 * minuteMs

export const gauges = 20
export const gaugeDays = 280
export const persons = 20
/** Of the person whose beats stand in rr-intervals.txt. */
export const restBpm = 56.7
export const beats = 910
export const nodeDays = 542

/** Each at a site of its own, so that no two have the same storms. */
export const simulatedRain = (): TipSeries[] =>
  Array.from({ length: gauges }, (_, site) => simulatedGauge(`site-${site}`, site))

export function simulatedGauge(site: string, seed: number): TipSeries {
  const tipsUntil = createRainGauge(site, createRandom(seed), startMs)
  const minutes: Array<readonly [number, number]> = []
  for (let minute = 0; minute < gaugeDays * 1440; minute++) {
    const tips = tipsUntil(startMs + (minute + 1) * minuteMs)
    if (tips > 0) minutes.push([minute, tips])
  }
  return { hours: gaugeDays * 24, minutes }
}

/** Beat after beat of persons at rest. */
export const simulatedBeats = (): number[][] =>
  Array.from({ length: persons }, (_, seed) => {
    const heart = createHeart({ restBpm, nightDip: 0, exercisePerDay: 0 }, createRandom(seed), startMs)
    let nowMs = startMs
    return Array.from({ length: beats }, () => {
      const intervalMs = heart(nowMs)
      nowMs += intervalMs
      return intervalMs
    })
  })

/** Hour by hour what a node measures of cells under an even load; `volts` of what is left, 1 to 0. */
export function simulatedVoltage(volts: (charge: number) => number): VoltageSeries {
  const hours = nodeDays * 24
  const sensor = createVoltage((nowMs) => volts(1 - (nowMs - startMs) / hourMs / hours), createRandom(1))
  return Array.from({ length: hours + 1 }, (_, hour) => [hour, sensor.sample(startMs + hour * hourMs)[0] as number])
}

/** Straight between values from full to empty in equal steps. */
export const tableOf = (values: number[]) => (charge: number) => {
  const at = (1 - charge) * (values.length - 1)
  const before = Math.min(values.length - 2, Math.floor(at))
  const [from, to] = [values[before] as number, values[before + 1] as number]
  return from + (to - from) * (at - before)
}

const rows = (text: string) => text.trim().split(/\r?\n/).slice(1)

/** `dd.mm.yyyy HH:MM;mm`, several rows for a minute with several tips; a row of 0 tells no tip. */
export function realRain(text: string): TipSeries {
  const tipsByMinute = new Map<number, number>()
  for (const row of rows(text)) {
    const [, day, month, year, hour, minute, mm] = /^(\d+)\.(\d+)\.(\d+) (\d+):(\d+);(.*)$/.exec(row)?.map(Number) ?? []
    if (mm === undefined || mm === 0) continue
    const at = Date.UTC(year as number, (month as number) - 1, day, hour, minute) / minuteMs
    tipsByMinute.set(at, (tipsByMinute.get(at) ?? 0) + Math.round(mm / 0.2))
  }
  const minutes = [...tipsByMinute].sort(([a], [b]) => a - b)
  return { hours: ((minutes.at(-1)?.[0] ?? 0) - (minutes[0]?.[0] ?? 0)) / 60, minutes }
}

export const realBeats = (text: string): number[] => text.trim().split(/\s+/).map(Number)

/** Columns date, frame counter, volts, and more. */
export const realVoltage = (text: string): VoltageSeries =>
  rows(text).map((row) => {
    const [date = '', , volts] = row.split(',')
    return [Date.parse(`${date.replace(' ', 'T')}Z`) / hourMs, Number(volts)]
  })
