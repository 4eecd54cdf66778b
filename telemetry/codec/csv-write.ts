/** Reports as the lines that csv.ts reads as the same Reports. */
import type { Encode, Reading, Report } from '../reading.ts'
import type { CsvLayout } from '../route.ts'
import { type CsvColumn, csvColumns, csvTimeBases } from './csv-columns.ts'
import { decimalNumber } from './numbers.ts'
import { assertSayable, rowsOf } from './rows.ts'
import { timeMsOf } from './unix-time.ts'

export function createCsvWriter(layout: CsvLayout): Encode {
  const columns = csvColumns(layout)
  const channels = columns.flatMap(({ channel }) => (channel === null ? [] : [channel]))
  const has = (role: CsvColumn['role']) => columns.some((column) => column.role === role)

  /** @throws Error when the layout has no place for something */
  return (reports) => {
    if (reports.length > 1 && !has('seq')) throw new Error('csv without a seq column holds one report')
    const lines: string[] = Array.from({ length: layout.headerLines }, () => '')
    if (layout.headerLines > 0) lines[layout.headerLines - 1] = layout.columns.join(layout.separator)
    for (const report of reports) {
      assertSayable('csv', report)
      assertPlaces(report)
      const rows = rowsOf(report.readings, channels)
      if (rows.length > 1 && has('seq')) throw new Error('csv with a seq column holds reports of one line each')
      for (const row of rows) lines.push(columns.map((column) => cellOf(column, report, row)).join(layout.separator))
    }
    return Buffer.from(`${lines.join('\n')}\n`)
  }

  function assertPlaces({ readings, sequence, boot, sentMs, nextS }: Report): void {
    if (sentMs !== undefined) throw new Error('csv has no place for the time of sending')
    if (sequence !== undefined && !has('seq')) throw new Error('the columns have no place for a sequence')
    if (boot !== undefined && !has('boot')) throw new Error('the columns have no place for a boot count')
    if (nextS !== undefined && !has('next')) throw new Error('the columns have no place for the next report')
    for (const { timeBase } of readings) {
      const isSaid = columns.some(({ role }) => role in csvTimeBases && csvTimeBases[role as 'time'] === timeBase)
      if (timeBase !== 'none' && !isSaid) throw new Error(`no column holds a time of base ${timeBase}`)
    }
  }

  function cellOf({ role, channel }: CsvColumn, report: Report, row: Reading[]): string {
    const [first] = row
    if (role === 'value') return valueCell(row.find((reading) => reading.channel === channel)?.value)
    if (role === 'seq') return String(report.sequence ?? '')
    if (role === 'boot') return String(report.boot ?? '')
    if (role === 'next') return String(report.nextS ?? '')
    if (role === '-' || first === undefined || csvTimeBases[role] !== first.timeBase) return ''
    return timeCell(role, first.timeMs)
  }

  function valueCell(value: Reading['value'] | undefined): string {
    if (value === undefined) return ''
    if (typeof value === 'number') return String(value)
    const isPlain = typeof value === 'string' && value !== '' && value === value.trim() && decimalNumber(value) === null
    if (!isPlain || value.includes(layout.separator) || value.includes('\n') || /^[+-]?(nan|inf)/i.test(value)) {
      throw new Error(`csv cannot hold the value ${JSON.stringify(value)}`)
    }
    return value
  }
}

function timeCell(role: keyof typeof csvTimeBases, timeMs: number): string {
  const sign = role === 'age' ? -1 : 1
  const base = csvTimeBases[role]
  const given = [timeMs, timeMs / 1000].find((candidate) => timeMsOf(base, candidate) === timeMs)
  if (given === undefined) throw new Error(`csv cannot hold the time ${timeMs} ms of base ${base}`)
  return String(sign * given + 0)
}
