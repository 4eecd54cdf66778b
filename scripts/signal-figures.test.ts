import { expect, test } from 'vitest'
import { dischargeCurve, dryGaps, heartFigures, quantile, rainFigures, wetHours } from './signal-figures.ts'
import { realBeats, realRain, realVoltage } from './signal-series.ts'

/** Two tips in a minute, one 8 minutes later, and after five hours one alone: two hours of ten are wet. */
const series = realRain(
  'date;gauge\n01.07.2018 00:00;0\n28.07.2018 13:09;0.2\n28.07.2018 13:09;0.2\n28.07.2018 13:17;0.2\n28.07.2018 18:17;0.2\n',
)

test('rain is read by the minute, without rows of no tips', () => {
  const [first] = series.minutes
  expect(first?.[0]).toBe(Date.UTC(2018, 6, 28, 13, 9) / 60_000)
  expect(series.minutes.map(([minute, tips]) => [minute - (first?.[0] ?? 0), tips])).toEqual([
    [0, 2],
    [8, 1],
    [308, 1],
  ])
  expect(series.hours).toBeCloseTo(308 / 60)
})

test('figures of rain are those counted by hand', () => {
  const figures = rainFigures([{ ...series, hours: 10 }])
  expect(wetHours(series).map((mm) => mm.toFixed(1))).toEqual(['0.6', '0.2'])
  expect(dryGaps(series)).toEqual([5])
  expect(figures['wet hours, %']).toBe(20)
  expect(figures['wet hour, mean, mm']).toBeCloseTo(0.4)
  expect(figures['tips in a minute, most']).toBe(2)
  expect(figures['between tips of an event, median, min']).toBe(8)
  // The tip alone is no event.
  expect(figures['event of 2 tips and more, mean, mm']).toBeCloseTo(0.6)
  expect(figures['event of 2 tips and more, mean, h']).toBeCloseTo(8 / 60)
})

test('figures of a heart are those counted by hand', () => {
  const figures = heartFigures(realBeats('1000\n1100\n1000\n1100\n'))
  expect(figures['interval, mean, ms']).toBe(1050)
  expect(figures['SDNN, ms']).toBeCloseTo(50)
  expect(figures['RMSSD, ms']).toBeCloseTo(100)
  expect(figures['autocorrelation of neighbours']).toBeCloseTo(-0.75)
})

test('discharge curve runs over the life, whenever it began', () => {
  const rows = Array.from({ length: 1001 }, (_, hour) => {
    const date = new Date(Date.UTC(2019, 3, 6) + hour * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
    return `${date},7,${(3 - hour / 1000).toFixed(3)},20,1000,-80\r`
  })
  const curve = dischargeCurve(realVoltage(`date,frame_counter,battery_v\n${rows.join('\n')}\n`))
  expect(curve.length).toBe(21)
  expect(curve[10]?.[0]).toBe(0.5)
  expect(curve[10]?.[1]).toBeCloseTo(2.5)
})

test('quantile of one value is that value', () => {
  expect([0, 0.5, 1].map((part) => quantile([7], part))).toEqual([7, 7, 7])
})
