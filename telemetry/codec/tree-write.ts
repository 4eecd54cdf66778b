/**
 * Reports to the value that tree.ts reads as the same Reports: one report as one element (its batch as columns) or as
 * rows, several reports as an array of elements that each carry a sequence.
 */
import type { Reading, Report } from '../reading.ts'
import type { TreeLayout } from '../route.ts'
import { assertSayable, rowsOf } from './rows.ts'
import { compilePaths } from './tree-layout.ts'
import { type Path, place } from './tree-path.ts'
import { secondsToMs, timeMsOf } from './unix-time.ts'

type Tree = { top: unknown }

export function createTreeWriter(codec: string, layout: TreeLayout): (reports: Report[]) => unknown {
  const paths = compilePaths(layout)
  const channels = paths.values.map(({ channel }) => channel)
  const { timeBase, deltas } = layout

  /** @throws Error when the layout has no place for something */
  function write(reports: Report[]): unknown {
    for (const report of reports) assertSayable(codec, report)
    const [first] = reports
    const tree: Tree = { top: undefined }
    if (reports.length === 1 && first !== undefined) writeOne(tree, first)
    else writeMany(tree, reports)
    return tree.top
  }

  function writeMany(tree: Tree, reports: Report[]): void {
    const elements: unknown[] = []
    place(tree, paths.each, elements)
    for (const report of reports) {
      if (report.sequence === undefined || (paths.sequence?.fromRoot ?? true)) {
        throw new Error(`the ${codec} codec holds several reports only if each has a sequence in its element`)
      }
      elements.push(elementOf(tree, report))
    }
  }

  function writeOne(tree: Tree, report: Report): void {
    const rows = rowsOf(report.readings, channels)
    const isAtRoot = paths.each.steps.length === 0
    const isOneElement =
      rows.length === 1 || rows.every((row) => row.length === 1 && row[0]?.channel === rows[0]?.[0]?.channel)
    // A list that is the root itself has no room for the report's sequence; columns do, and are read channel by channel.
    if (isOneElement || (isAtRoot && report.sequence !== undefined)) {
      const element = elementOf(tree, report)
      place(tree, paths.each, isAtRoot ? element : [element])
      return
    }
    const elements = rows.map((row) => {
      const element: Tree = { top: undefined }
      writeRow(tree, element, row)
      return element
    })
    writeHead(tree, isAtRoot ? (elements[0] as Tree) : tree, report)
    place(
      tree,
      paths.each,
      elements.map(({ top }) => top),
    )
  }

  function elementOf(tree: Tree, report: Report): unknown {
    const element: Tree = { top: undefined }
    const rows = rowsOf(report.readings, channels)
    const [row] = rows
    if (row !== undefined && rows.length === 1) writeRow(tree, element, row)
    else writeColumns(tree, element, rows)
    writeHead(tree, element, report)
    return element.top
  }

  function put(tree: Tree, element: Tree, path: Path | null, name: string, value: unknown): void {
    if (path === null) throw new Error(`the layout has no place for ${name}`)
    place(path.fromRoot ? tree : element, path, value)
  }

  function writeHead(tree: Tree, element: Tree, { sequence, boot, sentMs, nextS }: Report): void {
    if (sequence !== undefined) put(tree, element, paths.sequence, 'a sequence', sequence)
    if (boot !== undefined) put(tree, element, paths.boot, 'a boot count', boot)
    if (sentMs !== undefined) put(tree, element, paths.sent, 'the time of sending', timeFor(sentMs))
    if (nextS !== undefined) put(tree, element, paths.next, 'the time of the next report', nextS)
  }

  const pathOf = (channel: string) => paths.values[channels.indexOf(channel)]?.path ?? null

  function writeRow(tree: Tree, element: Tree, row: Reading[]): void {
    for (const { channel, value } of row) put(tree, element, pathOf(channel), 'a value', value)
    const [first] = row
    if (first !== undefined && first.timeBase !== 'none') put(tree, element, paths.time, 'a time', timeOf(first))
  }

  function writeColumns(tree: Tree, element: Tree, rows: Reading[][]): void {
    const given = new Set(rows.flatMap((row) => row.map(({ channel }) => channel)))
    for (const channel of given) {
      const column = rows.map((row) => row.find((reading) => reading.channel === channel)?.value ?? null)
      put(tree, element, pathOf(channel), 'a value', deltas ? differences(column) : column)
    }
    const firsts = rows.map(([first]) => first as Reading)
    const [first] = firsts
    if (first === undefined || firsts.every((reading) => reading.timeBase === 'none')) return
    const times = firsts.map(timeOf)
    const step = stepOf(firsts.map(({ timeMs }) => timeMs))
    if (step === null) put(tree, element, paths.time, 'a time', times)
    else {
      put(tree, element, paths.time, 'a time', times[0])
      if (typeof paths.step !== 'number') put(tree, element, paths.step, 'a step', step)
    }
  }

  /** Seconds from which tree.ts reckons exactly these times; null: they are not in equal steps, or have no place. */
  function stepOf([firstMs = 0, ...later]: number[]): number | null {
    const step = typeof paths.step === 'number' ? paths.step : ((later[0] ?? firstMs) - firstMs) / 1000
    const stepMs = secondsToMs(step)
    return paths.step !== null && later.every((timeMs, i) => firstMs + (i + 1) * stepMs === timeMs) ? step : null
  }

  const timeOf = (reading: Reading): number => {
    if (reading.timeBase !== timeBase) throw new Error(`the layout holds times of base ${timeBase} only`)
    return timeFor(reading.timeMs)
  }

  function timeFor(timeMs: number): number {
    const time = [timeMs, timeMs / 1000].find((candidate) => timeMsOf(timeBase, candidate) === timeMs)
    if (time === undefined) throw new Error(`the layout cannot say the time ${timeMs} ms of base ${timeBase}`)
    return time
  }

  return write
}

/** @throws Error when prefix sums would not give the same numbers again */
function differences(column: Array<Reading['value'] | null>): number[] {
  let sum = 0
  return column.map((value) => {
    if (typeof value !== 'number') throw new Error('deltas hold numbers only')
    const delta = value - sum
    if (sum + delta !== value) throw new Error(`deltas of ${value} and its neighbours are not exact`)
    sum += delta
    return delta
  })
}
