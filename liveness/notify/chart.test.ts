import { decode } from 'fast-png'
import { expect, test } from 'vitest'
import type { AlertChart } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'
import { chartHeight, chartWidth, drawChart, thin } from './chart.ts'
import { chartFake } from './notification.fake.ts'

const lineColour = 3
const thresholdColour = 4
const chart = chartFake as AlertChart

function draw(given: AlertChart) {
  const png = drawChart(given)
  if (png === null) throw new Error('nothing was drawn')
  const { width, height, data } = decode(png)
  /** Columns that hold a pixel of the colour. */
  const columnsOf = (colour: number) =>
    Array.from({ length: width }, (_, x) => x).filter((x) =>
      Array.from({ length: height }, (_, y) => data[y * width + x]).includes(colour),
    )
  return { png, width, height, columnsOf }
}

test('chart is a small picture, and the same for the same points', () => {
  const { png, width, height } = draw(chart)
  expect([width, height]).toEqual([chartWidth, chartHeight])
  expect(png.length).toBeLessThan(20_000)
  expect(drawChart(chart)).toEqual(png)
})

test('chart stays below 20 kB when values are noise and there are many', () => {
  const points = Array.from({ length: 50_000 }, (_, index) => [index * 1_000, (index * 7_919) % 1_000] as const)
  expect(draw({ unit: '', threshold: null, points }).png.length).toBeLessThan(20_000)
})

test('chart shows a gap in the data as a gap in the line', () => {
  const [whole] = [draw(chart).columnsOf(lineColour)]
  const holed = draw({ ...chart, points: chart.points.filter((_, index) => index < 40 || index > 80) })
  expect(whole.length - holed.columnsOf(lineColour).length).toBeGreaterThan(100)
})

test('chart shows the threshold also when no value comes near it, and none where there is none', () => {
  expect(draw({ ...chart, threshold: 100 }).columnsOf(thresholdColour).length).toBeGreaterThan(200)
  expect(draw({ ...chart, threshold: null }).columnsOf(thresholdColour)).toEqual([])
})

test.each([
  ['one point', [[0, 5]]],
  [
    'the same value all the time',
    [
      [0, 0],
      [1_000, 0],
    ],
  ],
  [
    'the largest numbers',
    [
      [0, -Number.MAX_VALUE],
      [1_000, Number.MAX_VALUE],
    ],
  ],
  [
    'the smallest differences',
    [
      [0, 1e-300],
      [1, 2e-300],
    ],
  ],
  [
    'one time twice',
    [
      [5, 1],
      [5, 2],
    ],
  ],
] as Array<[string, AlertChart['points']]>)('chart of %s is drawn', (_name, points) => {
  expect(draw({ unit: '', threshold: null, points }).columnsOf(lineColour).length).toBeGreaterThan(0)
})

test('chart of no number at all is none', () => {
  expect(drawChart({ unit: '', threshold: 1, points: [] })).toBeNull()
  expect(
    drawChart({
      unit: '',
      threshold: 1,
      points: [
        [0, Number.NaN],
        [1, Number.POSITIVE_INFINITY],
      ],
    }),
  ).toBeNull()
})

test('chart keeps every spike when it thins many points', () => {
  const points = Array.from({ length: 10_000 }, (_, index) => [index, index === 5_003 ? 9 : 1] as const)
  const kept = thin(points)
  expect(kept.length).toBeLessThanOrEqual(limits.chartPointsMax)
  expect(kept).toContainEqual([5_003, 9])
  expect(kept.map(([timeMs]) => timeMs)).toEqual(kept.map(([timeMs]) => timeMs).sort((a, b) => a - b))
})
