/**
 * Lines of cells, a reading for each cell of a channel's column. Cells are plain: no quotes, so no separator within.
 * Roles of the other columns: columnRoles in telemetry/route.ts.
 */
import { isUtf8 } from 'node:buffer'
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Codec, Reading, Report, TimeBase, Value } from '../reading.ts'
import type { CsvLayout } from '../route.ts'
import { type CsvColumn, csvColumns, csvTimeBases } from './csv-columns.ts'
import { createCsvWriter } from './csv-write.ts'
import { countOf, decimalNumber, secondsAhead } from './numbers.ts'
import { shown } from './shown.ts'
import { timeMsOf, wantedTime } from './unix-time.ts'

/** How a failed measurement looks when it is printed as a number. */
const notFinite = /^[+-]?(nan|inf|infinity)$/i

const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

type Time = { timeBase: TimeBase; timeMs: number }

export function createCsvCodec(layout: CsvLayout): Codec {
  const columns = csvColumns(layout)
  const isReportPerLine = columns.some(({ role }) => role === 'seq')

  function decode(payload: Buffer): Report[] | MessageProblem {
    if (!isUtf8(payload)) return problem('bad_payload', 'the payload is not UTF-8, lines of cells wanted')
    const lines = payload.toString('utf8').split('\n')
    const reports: Report[] = []
    let count = 0
    for (let i = layout.headerLines; i < lines.length; i++) {
      const line = lines[i] as string
      if (line.trim() === '') continue
      const cells = line.split(layout.separator)
      if (cells.length !== columns.length) {
        return problem('bad_payload', `line ${i + 1} has ${cells.length} columns, ${columns.length} wanted`)
      }
      let report = isReportPerLine ? undefined : reports[0]
      if (report === undefined) {
        report = { readings: [] }
        reports.push(report)
      }
      const before = report.readings.length
      const trouble = readLine(cells, report)
      if (trouble !== null) return { ...trouble, detail: `line ${i + 1}: ${trouble.detail}` }
      count += report.readings.length - before
      if (count > limits.readingsPerMessageMax) {
        return problem('bad_payload', `more than ${limits.readingsPerMessageMax} readings in one message`)
      }
    }
    return reports
  }

  function readLine(cells: string[], report: Report): MessageProblem | null {
    const first = report.readings.length
    let time: Time = { timeBase: 'none', timeMs: 0 }
    for (let i = 0; i < columns.length; i++) {
      const { role, channel } = columns[i] as CsvColumn
      const cell = (cells[i] as string).trim()
      if (cell === '' || role === '-') continue
      if (role === 'value') {
        const value = toValue(cell)
        if (value === null) return badValue(channel, cell)
        report.readings.push({ channel, value, unit: '', timeBase: 'none', timeMs: 0 })
      } else if (role === 'time' || role === 'uptime' || role === 'age') {
        // The first that is filled in: a device with a clock that is not set yet gives its uptime instead.
        if (time.timeBase !== 'none') continue
        const read = timeOf(role, cell)
        if (read === null) return problem('bad_time', `${role} is ${shown(cell)}, ${wantedIn[role]} wanted`)
        time = read
      } else {
        const trouble = readHead(role, cell, report)
        if (trouble !== null) return trouble
      }
    }
    if (report.readings.length === first) return problem('bad_value', 'no channel has a value')
    // The time may stand behind the values.
    for (let i = first; i < report.readings.length; i++) Object.assign(report.readings[i] as Reading, time)
    return null
  }

  return { decode, encode: createCsvWriter(layout) }
}

/** null: a number that no measurement gives, or a text that is too long. */
function toValue(cell: string): Value | null {
  const number = decimalNumber(cell)
  if (number !== null) return Number.isFinite(number) ? number : null
  return cell.length > limits.valueCharsMax || notFinite.test(cell) ? null : cell
}

function badValue(channel: string, cell: string): MessageProblem {
  const given = cell.length > limits.valueCharsMax ? `a text of ${cell.length} characters` : shown(cell)
  const wanted = `a finite number or a text of at most ${limits.valueCharsMax} characters`
  return problem('bad_value', `channel "${channel}" is ${given}, ${wanted} wanted`)
}

const wantedIn = { time: wantedTime.unix, uptime: wantedTime.boot, age: 'seconds before now, from 0 on,' }

function timeOf(role: keyof typeof csvTimeBases, cell: string): Time | null {
  const timeBase = csvTimeBases[role]
  const number = decimalNumber(cell)
  const timeMs = timeMsOf(timeBase, number === null ? cell : role === 'age' ? -number : number)
  return timeMs === null ? null : { timeBase, timeMs }
}

/** The first line that says it holds for a report of many. */
function readHead(role: 'seq' | 'boot' | 'next', cell: string, report: Report): MessageProblem | null {
  const number = decimalNumber(cell)
  if (role === 'next') {
    const nextS = secondsAhead(number)
    if (nextS === null) return problem('bad_time', `next is ${shown(cell)}, seconds above 0 wanted`)
    report.nextS ??= nextS
    return null
  }
  const count = countOf(number)
  if (count === null) return problem('bad_sequence', `${role} is ${shown(cell)}, a whole number from 0 on wanted`)
  if (role === 'seq') report.sequence ??= count
  else report.boot ??= count
  return null
}
