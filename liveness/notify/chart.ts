/**
 * A small picture of a value's last hours: line, threshold, ticks; a gap in the data is a gap in the line. The same points make the
 * same bytes, some kilobytes of them.
 */
import { encode } from 'fast-png'
import type { AlertChart } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'
import { eachDot, glyphAdvance, glyphHeight } from './digits.ts'

export const chartWidth = 480
export const chartHeight = 160

const palette: Array<[number, number, number]> = [
  [255, 255, 255],
  [225, 228, 232],
  [87, 96, 106],
  [3, 102, 214],
  [215, 58, 73],
]
const colours = { ground: 0, grid: 1, text: 2, line: 3, threshold: 4 }

const area = { left: 64, right: chartWidth - 12, top: 8, bottom: chartHeight - 22 }
const fontScale = 2
/** A time between two points of more than so many usual ones is a gap. */
const gapFactor = 3
const valueTicks = 4
const timeTicks = 5

type Points = AlertChart['points']

/** Null when there is nothing to draw: no point with a finite time and value. */
export function drawChart({ points: given, threshold }: AlertChart): Uint8Array | null {
  const points = thin(given.filter(([timeMs, value]) => Number.isFinite(timeMs) && Number.isFinite(value)))
  const [first] = points
  const last = points.at(-1)
  if (first === undefined || last === undefined) return null

  const data = new Uint8Array(chartWidth * chartHeight).fill(colours.ground)
  const set = (x: number, y: number, colour: number) => {
    if (x >= 0 && x < chartWidth && y >= 0 && y < chartHeight) data[y * chartWidth + x] = colour
  }
  const write = (text: string, left: number, top: number) =>
    eachDot(text, (x, y) => {
      for (let dy = 0; dy < fontScale; dy++)
        for (let dx = 0; dx < fontScale; dx++) set(left + x * fontScale + dx, top + y * fontScale + dy, colours.text)
    })
  const textWidth = (text: string) => (text.length * glyphAdvance - 1) * fontScale

  const shown = threshold !== null && Number.isFinite(threshold) ? [threshold] : []
  const [low, high] = rangeOf([...points.map(([, value]) => value), ...shown])
  // Halves first: the whole of a range up to the largest numbers is none.
  const yOf = (value: number) =>
    Math.round(area.bottom - ((value / 2 - low / 2) / (high / 2 - low / 2)) * (area.bottom - area.top))
  const fromMs = first[0]
  const spanMs = Math.max(1, last[0] - fromMs)
  const xOf = (timeMs: number) => Math.round(area.left + ((timeMs - fromMs) / spanMs) * (area.right - area.left))

  for (let tick = 0; tick <= valueTicks; tick++) {
    const value = low + (high / valueTicks - low / valueTicks) * tick
    const y = yOf(value)
    for (let x = area.left; x <= area.right; x++) set(x, y, colours.grid)
    const text = tickText(value, high - low)
    write(text, area.left - 6 - textWidth(text), y - Math.floor((glyphHeight * fontScale) / 2))
  }
  for (let tick = 0; tick <= timeTicks; tick++) {
    const timeMs = fromMs + (spanMs * tick) / timeTicks
    const x = xOf(timeMs)
    for (let y = area.bottom; y < area.bottom + 4; y++) set(x, y, colours.text)
    const text = new Date(timeMs).toISOString().slice(11, 16)
    const left = Math.min(x - Math.floor(textWidth(text) / 2), chartWidth - 2 - textWidth(text))
    write(text, left, area.bottom + 7)
  }
  for (const value of shown)
    for (let x = area.left; x <= area.right; x++) if (x % 8 < 5) set(x, yOf(value), colours.threshold)

  const gapMs = gapFactor * usualStep(points)
  const dot = (x: number, y: number) => {
    set(x, y, colours.line)
    set(x, y + 1, colours.line)
  }
  points.forEach(([timeMs, value], index) => {
    const before = points[index - 1]
    const isJoined = before !== undefined && timeMs - before[0] <= gapMs
    if (isJoined) eachOfLine(xOf(before[0]), yOf(before[1]), xOf(timeMs), yOf(value), dot)
    else for (let dx = -1; dx <= 1; dx++) dot(xOf(timeMs) + dx, yOf(value))
  })
  return encode({ width: chartWidth, height: chartHeight, data, channels: 1, depth: 8, palette })
}

/** The lowest and the highest of each stretch, so that no spike is lost. */
export function thin(points: Points): Points {
  const stretches = limits.chartPointsMax / 2
  if (points.length <= limits.chartPointsMax) return points
  const kept: Points = []
  for (let stretch = 0; stretch < stretches; stretch++) {
    const from = Math.floor((stretch * points.length) / stretches)
    const part = points.slice(from, Math.floor(((stretch + 1) * points.length) / stretches))
    const lowest = part.reduce((one, other) => (other[1] < one[1] ? other : one))
    const highest = part.reduce((one, other) => (other[1] > one[1] ? other : one))
    if (lowest === highest) kept.push(lowest)
    else kept.push(...(lowest[0] <= highest[0] ? [lowest, highest] : [highest, lowest]))
  }
  return kept
}

/** With a margin; never empty. */
function rangeOf(values: number[]): [low: number, high: number] {
  const low = Math.min(...values)
  const high = Math.max(...values)
  const margin = (high / 2 - low / 2) * 0.1 || Math.abs(high) * 0.1 || 1
  return [Math.max(-Number.MAX_VALUE, low - margin), Math.min(Number.MAX_VALUE, high + margin)]
}

/** The median: gaps do not move it. */
function usualStep(points: Points): number {
  const steps = points.slice(1).map(([timeMs], index) => timeMs - (points[index] as Points[number])[0])
  return steps.sort((one, other) => one - other)[Math.floor(steps.length / 2)] ?? 0
}

/** As many digits as tell two ticks apart, and as the room holds. */
function tickText(value: number, range: number): string {
  const magnitude = Math.max(Math.abs(value), range)
  if (!(magnitude < 100_000) || range < 0.001) return value.toExponential(0)
  return value.toFixed(Math.max(0, Math.min(3, 2 - Math.floor(Math.log10(range)))))
}

/** Bresenham's line. */
function eachOfLine(x0: number, y0: number, x1: number, y1: number, dot: (x: number, y: number) => void): void {
  const dx = Math.abs(x1 - x0)
  const dy = -Math.abs(y1 - y0)
  let error = dx + dy
  for (let x = x0, y = y0; ; ) {
    dot(x, y)
    if (x === x1 && y === y1) return
    const doubled = 2 * error
    if (doubled >= dy) {
      error += dy
      x += x0 < x1 ? 1 : -1
    }
    if (doubled <= dx) {
      error += dx
      y += y0 < y1 ? 1 : -1
    }
  }
}
