/** Simulated signals beside the series of real sensors, where their files are. They are not ours to keep here. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  alkalineVolts,
  curveVoltsOff,
  outOfBounds,
  simulatedCurve,
  simulatedHeartFigures,
} from '../../scripts/signal-comparison.ts'
import { dischargeCurve, heartFigures, rainFigures } from '../../scripts/signal-figures.ts'
import { signalStatistics } from '../../scripts/signal-page.ts'
import { realBeats, realRain, realVoltage, simulatedRain } from '../../scripts/signal-series.ts'

const folder = process.env.SIGNAL_DATA ?? resolve(import.meta.dirname, '../../../shared/data')
const isThere = existsSync(folder)
// Missing data is no missing tool: without it CI passes too, on the published figures of scripts/signal-comparison.test.ts.
if (!isThere) process.stderr.write(`skipped: no real series in ${folder} (set SIGNAL_DATA)\n`)
const text = (file: string) => readFileSync(join(folder, file), 'utf8')

describe.skipIf(!isThere)('real series', () => {
  test('simulated rain is within the bounds of a real gauge', () => {
    expect(outOfBounds(rainFigures([realRain(text('rain-gauge-tips.csv'))]), rainFigures(simulatedRain()))).toEqual([])
  })

  test('simulated hearts are within the bounds of a real one', () => {
    expect(outOfBounds(heartFigures(realBeats(text('rr-intervals.txt'))), simulatedHeartFigures())).toEqual([])
  })

  test('simulated cells follow those of a real node up to 90 % of their life', () => {
    const curve = dischargeCurve(realVoltage(text('node-voltage-hours.csv')))
    const simulated = simulatedCurve(alkalineVolts.node)
    const off = curve.map(([part, volts], i) => [part, Math.abs(volts - (simulated[i] as (typeof curve)[number])[1])])
    expect(off.filter(([part, volts]) => (part as number) <= 0.9 && (volts as number) > curveVoltsOff)).toEqual([])
  })

  test('page and plots are those that are written now', () => {
    const { page, plots } = signalStatistics({
      rain: realRain(text('rain-gauge-tips.csv')),
      beats: realBeats(text('rr-intervals.txt')),
      voltage: realVoltage(text('node-voltage-hours.csv')),
    })
    const docs = resolve(import.meta.dirname, '../../docs')
    expect(readFileSync(join(docs, 'signal-statistics.md'), 'utf8')).toBe(page)
    for (const [file, svg] of Object.entries(plots))
      expect(readFileSync(join(docs, 'signal-statistics', file), 'utf8')).toBe(svg)
  })
})
