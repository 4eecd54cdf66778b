/** Draws a trace with uPlot: a line with the band between lowest and highest, or bars for amounts such as rain. */
import uPlot from '/uplot.js'
import { formatTicks, formatUnit, formatValue } from './format.ts'
import type { Columns } from './trace.ts'

export type ChartView = { columns: Columns; fromMs: number; toMs: number; unit: string; isBars: boolean }
export type Chart = { show(view: ChartView): void }

/** With few points each one is marked: the line between them is a guess. */
const fewPoints = 80
const mean = 3
const font = '12px system-ui, sans-serif'
/** Measures labels; uPlot's own context must keep the font that uPlot believes it has. */
const ruler = document.createElement('canvas').getContext('2d')

function readColors() {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string) => style.getPropertyValue(name).trim()
  return {
    line: color('--chart-line'),
    band: color('--chart-band'),
    grid: color('--chart-grid'),
    text: color('--muted'),
  }
}

/** onPoint: the pointer is at this index of the columns, or nowhere. */
export function createChart(container: HTMLElement, onPoint: (index: number | null) => void): Chart {
  let colors = readColors()
  let view: ChartView | null = null
  let plot: uPlot | null = null
  let plotHasBars = false

  const size = () => ({ width: container.clientWidth, height: container.clientHeight })

  /** Points that stand alone between gaps would be invisible as a line. */
  const markedPoints = (u: uPlot): number[] => {
    const values = u.data[mean] as Array<number | null>
    const isFew = values.length <= fewPoints
    return values.flatMap((value, i) => {
      const isAlone = (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null
      return value !== null && (isFew || isAlone) ? [i] : []
    })
  }

  const rangeY = (_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax => {
    if (low === null || high === null) return [0, 1]
    if (view?.isBars) return [Math.min(0, low), high > 0 ? high * 1.1 : 1]
    // A steady value keeps a sensible scale, so that its last digit does not look like a storm.
    const least = Math.max(Math.abs(high) * 0.01, 0.01)
    const pad = Math.max((high - low) * 0.12, (least - (high - low)) / 2)
    return [low - pad, high + pad]
  }

  const valuesY = (_: uPlot, splits: number[]) => {
    const unit = formatUnit(view?.unit ?? '')
    // Only short units fit beside each number; a long one stands in the readout above.
    return splits.map((split) =>
      unit.length > 0 && unit.length <= 4 ? `${formatValue(split)} ${unit}` : formatValue(split),
    )
  }

  const sizeY = (_: uPlot, labels: string[] | null) => {
    if (ruler !== null) ruler.font = font
    const widths = (labels ?? []).map((label) => ruler?.measureText(label).width ?? 0)
    return Math.ceil(Math.max(28, ...widths)) + 14
  }

  const options = (hasBars: boolean): uPlot.Options => ({
    ...size(),
    ms: 1,
    padding: [10, 20, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: (_, i) => (i === mean && !hasBars ? 8 : 0), fill: () => colors.line, stroke: () => colors.line },
    },
    hooks: { setCursor: [(u) => onPoint(u.cursor.idx ?? null)] },
    scales: { x: { time: true }, y: { range: rangeY } },
    axes: [
      {
        font,
        stroke: () => colors.text,
        grid: { stroke: () => colors.grid, width: 1 },
        ticks: { stroke: () => colors.grid, width: 1, size: 5 },
        space: (_, __, ___, ____, width) => (width < 400 ? 52 : 72),
        // The day stands in a second line under the first label after midnight.
        size: (_, labels) => (labels?.some((label) => label.includes('\n')) ? 46 : 30),
        values: (_, splits, __, ___, stepMs) => formatTicks(splits, stepMs),
      },
      {
        font,
        stroke: () => colors.text,
        grid: { stroke: () => colors.grid, width: 1 },
        ticks: { show: false },
        gap: 6,
        space: 44,
        values: valuesY,
        size: sizeY,
      },
    ],
    series: [
      {},
      { show: !hasBars, points: { show: false } },
      { show: !hasBars, points: { show: false } },
      hasBars
        ? {
            stroke: () => colors.line,
            fill: () => colors.line,
            width: 0,
            paths: uPlot.paths.bars?.({ size: [0.7, 14, 2] }),
            points: { show: false },
          }
        : {
            stroke: () => colors.line,
            width: 1.75,
            points: { show: true, size: 5, fill: () => colors.line, filter: markedPoints },
          },
    ] as uPlot.Series[],
    bands: hasBars ? [] : [{ series: [1, 2], fill: () => colors.band }],
  })

  const draw = () => {
    if (view === null || container.clientWidth === 0) return
    if (plot === null || plotHasBars !== view.isBars) {
      plot?.destroy()
      plotHasBars = view.isBars
      plot = new uPlot(options(plotHasBars), [[], [], [], []], container)
    }
    const { columns, fromMs, toMs } = view
    const current = plot
    current.batch(() => {
      current.setData(columns, false)
      current.setScale('x', { min: fromMs, max: toMs })
    })
  }

  new ResizeObserver(() => {
    if (plot === null) draw()
    else if (container.clientWidth > 0) plot.setSize(size())
  }).observe(container)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    colors = readColors()
    plot?.redraw()
  })

  return {
    show(next) {
      view = next
      draw()
    },
  }
}
