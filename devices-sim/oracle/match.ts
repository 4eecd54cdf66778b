/**
 * Which row of the store is which reading. A row can be a reading when the value is the same and its time lies in the reading's window.
 * As many rows and as many readings that must be there as possible find a partner, each one at most; O(n log n).
 */
import type { Value } from '../../telemetry/reading.ts'
import { createHeap, type Heap } from '../heap.ts'

/** Readings of one channel, as columns. */
export type Readings = {
  loMs: Float64Array
  hiMs: Float64Array
  values: Value[]
  /** 1: it must be in the store; 0: it may be. */
  isMust: Uint8Array
}
export type Rows = { timeMs: number[]; values: Value[] }
/** -1: no partner. */
export type Match = { rowOf: Int32Array; readingOf: Int32Array }

/** A number is the same within so much of itself: stores keep 64 bits, text and codecs do not always. */
export const sameWithin = 1e-9

/** Numbers of values: the same number is the same value. */
export function classesOf(...columns: Value[][]): Int32Array[] {
  const classes = new Map<Value, number>()
  for (const column of columns) for (const value of column) classes.set(value, 0)
  const numbers = [...classes.keys()].filter((it): it is number => typeof it === 'number').sort((a, b) => a - b)
  let next = 0
  let last = Number.NaN
  for (const number of numbers) {
    if (!(number - last <= sameWithin * Math.max(Math.abs(number), Math.abs(last)))) next++
    classes.set(number, next)
    last = number
  }
  for (const value of classes.keys()) if (typeof value !== 'number') classes.set(value, ++next)
  return columns.map((column) => {
    const numbered = new Int32Array(column.length)
    for (let i = 0; i < column.length; i++) numbered[i] = classes.get(column[i] as Value) as number
    return numbered
  })
}

/** The indices in the order of the keys. Mostly they stand in it already. */
export function orderOf(keys: ArrayLike<number>): Uint32Array {
  const order = new Uint32Array(keys.length)
  for (let i = 0; i < order.length; i++) order[i] = i
  for (let i = 1; i < keys.length; i++) {
    if ((keys[i] as number) >= (keys[i - 1] as number)) continue
    return order.sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b)
  }
  return order
}

/**
 * Pairs rows with readings of the same class: of those whose windows hold the row's time the one that ends first, which leaves most
 * for later rows. `readings` and `rows` are indices in the order of loMs and of time.
 */
export function pair(
  { loMs, hiMs }: Pick<Readings, 'loMs' | 'hiMs'>,
  timeMs: ArrayLike<number>,
  readings: Iterable<number>,
  rows: Iterable<number>,
  classOfReading: (reading: number) => number,
  classOfRow: (row: number) => number,
  take: (reading: number, row: number) => void,
): void {
  const open = new Map<number, Heap<number>>()
  const coming = readings[Symbol.iterator]()
  let next = coming.next()
  for (const row of rows) {
    const atMs = timeMs[row] as number
    for (; !next.done && (loMs[next.value] as number) <= atMs; next = coming.next()) {
      const its = classOfReading(next.value)
      let heap = open.get(its)
      if (heap === undefined) {
        heap = createHeap<number>((a, b) => (hiMs[a] as number) - (hiMs[b] as number))
        open.set(its, heap)
      }
      heap.add(next.value)
    }
    const heap = open.get(classOfRow(row))
    if (heap === undefined) continue
    let first = heap.take()
    while (first !== undefined && (hiMs[first] as number) < atMs) first = heap.take()
    if (first !== undefined) take(first, row)
  }
}

/** `classes`: of readings and rows, by classesOf(). */
export function match(readings: Readings, rows: Rows, [ofReading, ofRow]: [Int32Array, Int32Array]): Match {
  const order = orderOf(readings.loMs)
  const rowOrder = orderOf(rows.timeMs)
  const rowOf = new Int32Array(order.length).fill(-1)
  const readingOf = new Int32Array(rowOrder.length).fill(-1)
  const run = (some: Iterable<number>, take: (reading: number, row: number) => void) =>
    pair(
      readings,
      rows.timeMs,
      some,
      rowOrder,
      (it) => ofReading[it] as number,
      (it) => ofRow[it] as number,
      take,
    )
  run(order, (reading, row) => {
    rowOf[reading] = row
    readingOf[row] = reading
  })
  const isMust = (reading: number) => readings.isMust[reading] === 1
  if (!order.some((it) => isMust(it) && rowOf[it] === -1)) return { rowOf, readingOf }

  // A reading that only may be there has perhaps taken the row of one that must. Paired without the former, the latter get as many rows
  // as they can; walking from one pairing to the other gives them these, and no row goes without (Mendelsohn, Dulmage 1958).
  const alone = new Int32Array(order.length).fill(-1)
  run(order.filter(isMust), (reading, row) => {
    alone[reading] = row
  })
  for (const start of order) {
    if (!isMust(start) || rowOf[start] !== -1) continue
    let reading = start
    for (let row = alone[reading] as number; row !== -1; row = alone[reading] as number) {
      const displaced = readingOf[row] as number
      readingOf[row] = reading
      rowOf[reading] = row
      if (displaced === -1) break
      rowOf[displaced] = -1
      if (!isMust(displaced)) break
      reading = displaced
    }
  }
  return { rowOf, readingOf }
}
