/**
 * The reports of one count within the window, by sequence: what a report said first, and how it came. Sequences grow, so
 * most are appended to arrays of plain numbers, which cost a few bytes each; what comes out of order stands in a map.
 */
import type { Record } from '../telemetry/message.ts'
import type { Reading, Report, Value } from '../telemetry/reading.ts'
import type { Generations, Window } from './window.ts'

/** How a report came whose readings have no lasting time: the client's word must tell whether it is the same. */
export type Arrival = { epoch: number; client: string; packetId: number; position: number }

type Said = { timeMs: number; value: Value; arrival: Arrival | null }

/** Column by column; `arrivals` only as far as there are any. */
type Column = { sequences: number[]; times: number[]; values: Value[] }

export type Recent = {
  window: number
  before: Column
  current: Column
  others: Generations<number, Said>
}

const emptyColumn = (): Column => ({ sequences: [], times: [], values: [] })

export const createRecent = (window: Window): Recent => ({
  window: window.index(),
  before: emptyColumn(),
  current: emptyColumn(),
  others: window.generations(),
})

function turn(recent: Recent, window: Window): void {
  const index = window.index()
  if (recent.window === index) return
  recent.before = recent.window === index - 1 ? recent.current : emptyColumn()
  recent.current = emptyColumn()
  recent.window = index
}

/**
 * Whether the device's own clock stands behind the time, so that time and value tell a report. An uptime alone does not: at
 * each wake it is the same.
 */
export const isTimed = ({ timeBase }: Reading, { boot }: Report) =>
  timeBase === 'unix' || (timeBase === 'boot' && boot !== undefined)

export function remember(recent: Recent, window: Window, sequence: number, report: Report, record: Record): void {
  turn(recent, window)
  const { sequences, times, values } = recent.current
  const first = report.readings[0] as Reading
  const { timeMs, value } = first
  if (isTimed(first, report) && (sequences.length === 0 || sequence > (sequences[sequences.length - 1] as number))) {
    sequences.push(sequence)
    times.push(timeMs)
    values.push(value)
    return
  }
  const { epoch, client, packetId, position } = record
  const arrival = isTimed(first, report) ? null : { epoch, client, packetId, position }
  window.set(recent.others, sequence, { timeMs, value, arrival })
}

/** The report that came last under this sequence, within the window. */
export function recall(recent: Recent, window: Window, sequence: number): Said | null {
  turn(recent, window)
  return window.get(recent.others, sequence) ?? find(recent.current, sequence) ?? find(recent.before, sequence) ?? null
}

function find({ sequences, times, values }: Column, sequence: number): Said | null {
  let from = 0
  let to = sequences.length
  while (from < to) {
    const middle = (from + to) >> 1
    if ((sequences[middle] as number) < sequence) from = middle + 1
    else to = middle
  }
  if (sequences[from] !== sequence) return null
  return { timeMs: times[from] as number, value: values[from] as Value, arrival: null }
}
