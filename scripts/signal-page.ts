/** docs/signal-statistics.md and its plots. */
import { alkalineVolts, bounds, curveVoltsOff, simulatedCurve, simulatedHeartFigures } from './signal-comparison.ts'
import {
  dischargeCurve,
  dryGaps,
  type Figures,
  heartFigures,
  rainFigures,
  type TipSeries,
  type VoltageSeries,
  wetHours,
} from './signal-figures.ts'
import { beats, gaugeDays, gauges, persons, restBpm, simulatedBeats, simulatedRain } from './signal-series.ts'
import { type Line, plotSvg } from './svg-plot.ts'

export type Measured = { rain: TipSeries; beats: number[]; voltage: VoltageSeries }

const colors = { measured: '#c0392b', simulated: '#2471a3', other: '#7d8a8f' }
const row = (cells: string[]) => `| ${cells.join(' | ')} |`
const table = (head: string[], rows: string[][]) =>
  [row(head), row(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(row)].join('\n')
const shown = (value: number) => String(Number(value.toPrecision(3)))

const compared = (measured: Figures, simulated: Figures) =>
  table(
    ['', 'measured', 'simulated', 'may differ by'],
    Object.entries(measured).map(([name, value]) => {
      const bound = bounds[name] ?? null
      return [
        name,
        shown(value),
        shown(simulated[name] as number),
        bound === null ? '' : `${Math.round(100 * bound)} %`,
      ]
    }),
  )

/** Which part of the values is greater; no more than 200 points. */
function exceedance(values: number[]): Line['points'] {
  const sorted = [...values].sort((a, b) => a - b)
  const step = Math.max(1, Math.floor(sorted.length / 200))
  return sorted.flatMap((value, i) => (i % step === 0 ? [[value, 100 * (1 - i / sorted.length)] as const] : []))
}

const voltsAt = (curve: ReturnType<typeof dischargeCurve>, i: number) =>
  (curve[i] as (typeof curve)[number])[1].toFixed(2)

const both = (measured: Line['points'], simulated: Line['points']): Line[] => [
  { name: 'measured', color: colors.measured, points: measured },
  { name: 'simulated', color: colors.simulated, points: simulated },
]

const percents = { from: 0.1, to: 100, isLog: true, ticks: [0.1, 1, 10, 100] }

/** @returns the page, and plots by file name */
export function signalStatistics(measured: Measured): { page: string; plots: { [file: string]: string } } {
  const rain = simulatedRain()
  const heart = simulatedBeats()
  const curve = dischargeCurve(measured.voltage)
  const [own, independent] = [simulatedCurve(alkalineVolts.node), simulatedCurve(alkalineVolts.independent)]
  const beatLine = (intervals: number[]) => intervals.slice(0, 300).map((it, i) => [i, it] as const)
  const plots = {
    'wet-hours.svg': plotSvg({
      title: 'Rain of wet hours',
      x: { label: 'mm in the hour', from: 0.2, to: 30, isLog: true, ticks: [0.2, 0.5, 1, 2, 5, 10, 20] },
      y: { label: '% of wet hours with more', ...percents },
      lines: both(exceedance(wetHours(measured.rain)), exceedance(rain.flatMap(wetHours))),
    }),
    'dry-gaps.svg': plotSvg({
      title: 'Dry gaps of 2 hours and more',
      x: { label: 'hours', from: 2, to: 700, isLog: true, ticks: [2, 5, 10, 20, 50, 100, 200, 500] },
      y: { label: '% of gaps that are longer', ...percents },
      lines: both(exceedance(dryGaps(measured.rain)), exceedance(rain.flatMap(dryGaps))),
    }),
    'beats.svg': plotSvg({
      title: 'Intervals between 300 beats at rest',
      x: { label: 'beat', from: 0, to: 300, ticks: [0, 50, 100, 150, 200, 250, 300] },
      y: { label: 'ms', from: 800, to: 1300, ticks: [800, 900, 1000, 1100, 1200, 1300] },
      lines: both(beatLine(measured.beats), beatLine(heart[0] as number[])),
    }),
    'discharge.svg': plotSvg({
      title: 'Two alkaline AA cells from full to empty',
      x: { label: 'part of 542 days, %', from: 0, to: 100, ticks: [0, 20, 40, 60, 80, 100] },
      y: { label: 'V', from: 2, to: 3.2, ticks: [2, 2.2, 2.4, 2.6, 2.8, 3, 3.2] },
      lines: [
        ...both(
          curve.map(([part, volts]) => [100 * part, volts]),
          own.map(([part, volts]) => [100 * part, volts]),
        ),
        { name: 'another table', color: colors.other, points: independent.map(([part, volts]) => [100 * part, volts]) },
      ],
    }),
  }
  const page = `# Statistics of the simulated signals

Written by \`npm run signal-statistics -- --data ../shared/data\`: what \`devices-sim/signals/\` generates beside what real sensors
measured. Tests hold the simulated figures within the bounds in the last column, of the files where they are there, and of
published figures everywhere.

## Rain

Measured: one tipping bucket of 0.2 mm at Tharandt (DE), 280 days, by the minute (doi 10.5281/zenodo.10838596). Simulated: ${gauges} gauges of
${gaugeDays} days, each under the storms of a site of its own. "Most" is the mean over the gauges. The measured record is one draw of a
wide distribution: its ${dryGaps(measured.rain).length} dry gaps are known to a tenth or two.

${compared(rainFigures([measured.rain]), rainFigures(rain))}

![rain of wet hours](signal-statistics/wet-hours.svg)
![dry gaps](signal-statistics/dry-gaps.svg)

Not modelled: seasons, times of day, snow; and within a cell of a storm it rains evenly, so the few minutes of a cloudburst (7 tips in
one) are rarer than in nature.

## Heart

Measured: ${measured.beats.length} beats of a person at rest (github.com/rhenanbartels/hrv). Simulated: ${persons} persons at ${restBpm} beats per minute,
${beats} beats each; the mean of their figures.

${compared(heartFigures(measured.beats), simulatedHeartFigures())}

![beats](signal-statistics/beats.svg)

## Cell

Measured: a LoRaWAN node on two alkaline AA cells, hour by hour until they were empty (github.com/ricaun/LoRaNow-18-months).
Simulated: the voltage sensor on cells under an even load. Their curve was read off this very node, so the second column shows that
the way from the cell to the reading keeps it, within ${curveVoltsOff} V up to 90 % of the life (after that the
real voltage falls over an edge, and the table of eleven values in a straight line). The last column shows how far off one is who takes the table of another project, twice an alkaline cell of Meshtastic's firmware: that table is of the voltage over the charge down to
1.0 V a cell, and other cells are other cells.

${table(
  ['part of the life', 'measured, V', 'simulated, V', 'another table, V'],
  curve.map(([part, volts], i) => [
    `${Math.round(100 * part)} %`,
    volts.toFixed(2),
    voltsAt(own, i),
    voltsAt(independent, i),
  ]),
)}

![discharge](signal-statistics/discharge.svg)
`
  return { page, plots }
}
