/**
 * One channel of one device: its readings against its rows.
 *
 * - gauge, increment, text: every reading that was acknowledged stands there once, with its value, in its window of time. One that was
 *   sent and not acknowledged may be there, once.
 * - counter: the store gets what was added since the reading before, and a reading that comes late adds nothing. So rows are at most as
 *   many as readings, each in the window of one; and their sum is what the count rose from the first to the last acknowledged
 *   reading, or with those that may be there. Another boot adds the new count; so does a fall where no boot is told,
 *   unless the count before stood in the last sixteenth of its range: then it is a wrap.
 */
import type { Value } from '../../telemetry/reading.ts'
import type { Quantity } from '../sensor.ts'
import { classesOf, match, orderOf, pair, type Readings, type Rows, sameWithin } from './match.ts'

/** Readings of a channel with what is needed to tell of them. */
/** `boots`: which one the device tells with each reading; null: none. */
export type ChannelTruth = {
  quantity: Quantity
  takenMs: number[]
  boots: Array<number | null>
  readings: Readings
}

export type ChannelFault = {
  kind: 'lost' | 'duplicate' | 'invented' | 'wrong_value' | 'wrong_time' | 'counter'
  timeMs: number
  given: string
  wanted: string
}
/** `older`: rows from before the run that are no reading of it. */
export type ChannelVerdict = { older: number }

export function checkChannel(
  { quantity, takenMs, boots, readings }: ChannelTruth,
  rows: Rows,
  startMs: number,
  tell: (fault: ChannelFault) => void,
): ChannelVerdict {
  const isCounter = quantity.kind === 'counter'
  const count = readings.values.length
  const [ofReading, ofRow] = isCounter
    ? [new Int32Array(count), new Int32Array(rows.values.length)]
    : (classesOf(readings.values, rows.values) as [Int32Array, Int32Array])
  const wanted = isCounter ? { ...readings, isMust: new Uint8Array(count) } : readings
  const { rowOf, readingOf } = match(wanted, rows, [ofReading, ofRow])
  if (isCounter) checkSum({ quantity, takenMs, boots, readings }, rows, startMs, tell)

  let leftRows = orderOf(rows.timeMs).filter((row) => readingOf[row] === -1)
  const isLost = (reading: number) => wanted.isMust[reading] === 1 && rowOf[reading] === -1
  const said = (reading: number) =>
    `${show(readings.values[reading] as Value)} at ${isoTime(takenMs[reading] as number)}`
  const seen = (row: number) => `${show(rows.values[row] as Value)} at ${isoTime(rows.timeMs[row] as number)}`
  const settle = (kind: ChannelFault['kind']) => (reading: number, row: number) => {
    rowOf[reading] = row
    readingOf[row] = reading
    tell({ kind, timeMs: takenMs[reading] as number, given: seen(row), wanted: said(reading) })
  }
  const keepLeft = () => {
    leftRows = leftRows.filter((row) => readingOf[row] === -1)
  }

  if (leftRows.length > 0) {
    const order = orderOf(readings.loMs)
    const all = () => 0
    if (!isCounter) {
      // At the time of a reading that has no row; first of those that must have one.
      pair(readings, rows.timeMs, order.filter(isLost), leftRows, all, all, settle('wrong_value'))
      keepLeft()
      const unpaired = order.filter((it) => rowOf[it] === -1)
      pair(readings, rows.timeMs, unpaired, leftRows, all, all, settle('wrong_value'))
      keepLeft()
    }
    tellDuplicates()
    keepLeft()
    pairTimes(order.filter(isLost))
    keepLeft()
  }

  let older = 0
  for (const row of leftRows) {
    const timeMs = rows.timeMs[row] as number
    if (timeMs < startMs) older++
    else tell({ kind: 'invented', timeMs, given: seen(row), wanted: 'nothing' })
  }
  for (let i = 0; i < count; i++) {
    if (isLost(i)) tell({ kind: 'lost', timeMs: takenMs[i] as number, given: 'nothing', wanted: said(i) })
  }
  return { older }

  /** Rows that a reading which has its row already could be. */
  function tellDuplicates(): void {
    const latest = new Map<number, number>()
    const order = orderOf(readings.loMs)
    let next = 0
    for (const row of leftRows) {
      const timeMs = rows.timeMs[row] as number
      for (; next < count && (readings.loMs[order[next] as number] as number) <= timeMs; next++) {
        const reading = order[next] as number
        if (rowOf[reading] === -1) continue
        const its = ofReading[reading] as number
        const known = latest.get(its)
        if (known === undefined || (readings.hiMs[reading] as number) > (readings.hiMs[known] as number))
          latest.set(its, reading)
      }
      const reading = latest.get(ofRow[row] as number)
      if (reading === undefined || (readings.hiMs[reading] as number) < timeMs) continue
      readingOf[row] = reading
      const once = isCounter
        ? `no more rows than readings around ${isoTime(takenMs[reading] as number)}`
        : said(reading)
      tell({ kind: 'duplicate', timeMs, given: seen(row), wanted: `${once}, once` })
    }
  }

  /** Rows of the same value, wherever they stand. */
  function pairTimes(lost: Uint32Array): void {
    const byClass = new Map<number, number[]>()
    for (const reading of lost) {
      const its = byClass.get(ofReading[reading] as number)
      if (its === undefined) byClass.set(ofReading[reading] as number, [reading])
      else its.push(reading)
    }
    for (const its of byClass.values()) its.reverse()
    for (const row of leftRows) {
      const reading = byClass.get(ofRow[row] as number)?.pop()
      if (reading !== undefined) settle('wrong_time')(reading, row)
    }
  }
}

function checkSum(
  { quantity, takenMs, boots, readings }: ChannelTruth,
  rows: Rows,
  startMs: number,
  tell: (fault: ChannelFault) => void,
): void {
  const order = orderOf(takenMs)
  const counts = (some: Uint32Array) =>
    Array.from(some, (i): Count => ({ count: readings.values[i] as number, boot: boots[i] ?? null }))
  const worth = quantity.resolution ?? 1
  const surely = risen(counts(order.filter((i) => readings.isMust[i] === 1)), quantity) * worth
  const perhaps = risen(counts(order), quantity) * worth
  let sum = 0
  for (const [i, value] of rows.values.entries()) {
    if ((rows.timeMs[i] as number) >= startMs) sum += typeof value === 'number' ? value : Number.NaN
  }
  const off = sameWithin * Math.max(1, Math.abs(perhaps)) * Math.max(1, Math.sqrt(rows.values.length))
  if (sum >= Math.min(surely, perhaps) - off && sum <= Math.max(surely, perhaps) + off) return
  const wanted = surely === perhaps ? `${round(surely)}` : `${round(surely)} to ${round(perhaps)}`
  tell({
    kind: 'counter',
    timeMs: takenMs[order[0] ?? 0] ?? 0,
    given: `${round(sum)} in all`,
    wanted: `${wanted} in all`,
  })
}

type Count = { count: number; boot: number | null }

/** By how many counts it has risen from the first to the last. */
function risen(counts: Count[], { counterBits }: Quantity): number {
  const span = counterBits === undefined ? Number.POSITIVE_INFINITY : 2 ** counterBits
  let sum = 0
  for (let i = 1; i < counts.length; i++) {
    const [last, next] = [counts[i - 1] as Count, counts[i] as Count]
    const [before, count] = [last.count, next.count]
    const hasRestarted = last.boot !== null && next.boot !== null && last.boot !== next.boot
    if (hasRestarted) sum += count
    else if (count >= before) sum += count - before
    else sum += before >= span - span / 16 ? count + span - before : count
  }
  return sum
}

const round = (value: number) => Number(value.toPrecision(12))
const show = (value: Value) => (typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value))
const isoTime = (timeMs: number) =>
  Math.abs(timeMs) < 8.64e15 ? new Date(Math.floor(timeMs)).toISOString() : `${timeMs} ms`
