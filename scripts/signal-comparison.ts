/** Simulated signals beside measured ones, and how far apart they may be. */
import { dischargeCurve, type Figures, heartFigures, mean } from './signal-figures.ts'
import { simulatedBeats, simulatedVoltage, tableOf } from './signal-series.ts'

/** By what part of the measured value a simulated one may differ; null: shown only. */
export const bounds: { [name: string]: number | null } = {
  'rain, mm a year': 0.2,
  'wet hours, %': 0.2,
  'wet hour, mean, mm': 0.2,
  'wet hour, median, mm': 0.5,
  'wet hour, 90 %, mm': 0.3,
  'wet hour, 99 %, mm': 0.35,
  'minutes with one tip, of those with any, %': 0.03,
  // A single minute of the record.
  'tips in a minute, most': null,
  'between tips of an event, median, min': 0.3,
  'dry gaps of 2 h and more, a year': 0.2,
  'dry gap, mean, h': 0.2,
  'dry gap, deviation, h': 0.25,
  'dry gap, 25 %, h': 0.3,
  'dry gap, median, h': 0.35,
  'dry gap, 75 %, h': 0.3,
  'dry gap, 90 %, h': 0.3,
  'event of 2 tips and more, mean, h': 0.3,
  'event of 2 tips and more, median, h': 0.5,
  'event of 2 tips and more, mean, mm': 0.3,
  'event of 2 tips and more, median, mm': 0.5,
  'interval, mean, ms': 0.02,
  'SDNN, ms': 0.1,
  'RMSSD, ms': 0.1,
  'autocorrelation of neighbours': 0.2,
  'autocorrelation 10 beats apart': 0.4,
}

/**
 * The same figures as measured elsewhere: rain of 20 gauges of 0.2 mm at Tharandt (DE), 2018-07-28 to 2019-05-04, gauge 1
 * (doi 10.5281/zenodo.10838596); 910 beats of a person at rest (rest_rri.txt of github.com/rhenanbartels/hrv).
 */
export const published: Figures = {
  'wet hours, %': 10.6,
  'wet hour, mean, mm': 0.73,
  'wet hour, median, mm': 0.4,
  'wet hour, 90 %, mm': 1.6,
  'wet hour, 99 %, mm': 4.8,
  'minutes with one tip, of those with any, %': 96.7,
  'between tips of an event, median, min': 8,
  'dry gaps of 2 h and more, a year': 274,
  'dry gap, mean, h': 29.6,
  'dry gap, median, h': 8.2,
  'dry gap, deviation, h': 59,
  'event of 2 tips and more, mean, h': 4,
  'event of 2 tips and more, median, h': 2,
  'event of 2 tips and more, mean, mm': 3.8,
  'event of 2 tips and more, median, mm': 1.6,
  'interval, mean, ms': 1059,
  'SDNN, ms': 57.8,
  'RMSSD, ms': 55.1,
}

/** Names of figures whose simulated value is out of bounds, with both values. */
export const outOfBounds = (measured: Figures, simulated: Figures): string[] =>
  Object.entries(measured).flatMap(([name, value]) => {
    const bound = bounds[name] ?? null
    const other = simulated[name]
    if (bound === null || (other !== undefined && Math.abs(other - value) <= bound * Math.abs(value))) return []
    return [`${name}: ${other} simulated, ${value} measured`]
  })

/** The mean over the persons. */
export function simulatedHeartFigures(): Figures {
  const all = simulatedBeats().map(heartFigures)
  const names = Object.keys(all[0] as Figures)
  return Object.fromEntries(names.map((name) => [name, mean(all.map((figures) => figures[name] as number))]))
}

/**
 * Two alkaline cells from full to empty: as the node of github.com/ricaun/LoRaNow-18-months measured them, and twice the cell in the
 * table of Meshtastic's firmware (src/power.h), which knows nothing of that node.
 */
export const alkalineVolts = {
  node: [2.99, 2.92, 2.87, 2.82, 2.75, 2.71, 2.67, 2.63, 2.57, 2.48, 2.16],
  independent: [1.58, 1.4, 1.35, 1.3, 1.28, 1.25, 1.23, 1.19, 1.15, 1.1, 1].map((volts) => 2 * volts),
}
export const simulatedCurve = (values: number[]) => dischargeCurve(simulatedVoltage(tableOf(values)))
/** Up to 90 % of the life: the last step of the table is a straight line, the real one an edge. */
export const curveVoltsOff = 0.03
