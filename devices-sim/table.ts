/** Text of a file to rows of a time and a value. Pure: what cannot be read becomes a problem of its row. */
import { StartError } from '../telemetry/errors.ts'
import { parseTime, type TimeFormat } from './times.ts'

export type TableOptions = {
  /** Guessed from the first line when not given. */
  separator?: string
  /** Header name or number from 1; the first column when not given. */
  time?: string
  /** Header name or number from 1; the other column of one or two when not given. */
  value?: string
  timeFormat?: TimeFormat
  /** The file has no times: each value is the interval since the row before, in this many ms; the first from startMs. */
  intervals?: { unitMs: number; startMs: number }
}

/** `number` counts the rows with data from 1, so that mending one row renumbers no other. */
export type Row = { number: number; line: number } & ({ timeMs: number; value: number } | { problem: string })

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
export const separators = [';', '\t', ','] as const

const isNumber = (cell: string | undefined): cell is string => cell !== undefined && decimal.test(cell)

/** @throws StartError when a column cannot be found. */
export function* readTable(text: string, options: TableOptions): Generator<Row> {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .map((content, index) => ({ content, line: index + 1 }))
    .filter(({ content }) => content.trim() !== '')
  const first = lines[0]
  if (first === undefined) return
  const separator = options.separator ?? separators.find((candidate) => first.content.includes(candidate)) ?? ';'
  const columns = findColumns(splitLine(first.content, separator), options)

  let sumMs = 0
  let number = 0
  for (const { content, line } of columns.hasHeader ? lines.slice(1) : lines) {
    number++
    const cells = splitLine(content, separator)
    const value = cells[columns.value]
    if (!isNumber(value)) {
      yield { number, line, problem: `the value is ${quote(value)}, a number like 1.2 wanted` }
    } else if (options.intervals !== undefined) {
      sumMs += Number(value) * options.intervals.unitMs
      yield { number, line, timeMs: Math.round(options.intervals.startMs + sumMs), value: Number(value) }
    } else {
      const time = cells[columns.time]
      const timeMs = time === undefined ? null : parseTime(time, options.timeFormat)
      yield timeMs === null
        ? { number, line, problem: `the time is ${quote(time)}, a time like 2019-04-06 15:00:00 wanted` }
        : { number, line, timeMs, value: Number(value) }
    }
  }
}

function findColumns(first: string[], options: TableOptions): { time: number; value: number; hasHeader: boolean } {
  const find = (option: string, column: string): number => {
    const named = first.indexOf(column)
    const index = named !== -1 ? named : /^\d+$/.test(column) ? Number(column) - 1 : -1
    if (index >= 0 && index < first.length) return index
    throw new StartError(
      `--${option}: "${column}" given, the columns are ${first.join(', ')} (or 1 to ${first.length})`,
    )
  }
  const hasTimes = options.intervals === undefined
  if (hasTimes && first.length === 1) {
    throw new StartError('the file has one column and no times: --intervals ms reads the values as intervals')
  }
  const time = options.time === undefined ? 0 : find('time', options.time)
  if (options.value !== undefined) {
    const value = find('value', options.value)
    return { time, value, hasHeader: !isNumber(first[value]) }
  }
  if (first.length > 2) {
    throw new StartError(`--value: not given, one of the columns ${first.join(', ')} (or 1 to ${first.length}) wanted`)
  }
  const value = first.length === 1 ? 0 : hasTimes ? 1 - time : 1
  return { time, value, hasHeader: !isNumber(first[value]) }
}

/** Cells may stand in double quotes; a quote inside is written twice. */
export function splitLine(line: string, separator: string): string[] {
  if (!line.includes('"')) return line.split(separator).map((cell) => cell.trim())
  const cells: string[] = []
  let cell = ''
  let isQuoted = false
  for (let i = 0; i < line.length; i++) {
    const character = line[i] as string
    if (character === '"' && isQuoted && line[i + 1] === '"') {
      cell += '"'
      i++
    } else if (character === '"') isQuoted = !isQuoted
    else if (character === separator && !isQuoted) {
      cells.push(cell.trim())
      cell = ''
    } else cell += character
  }
  return [...cells, cell.trim()]
}

const quote = (cell: string | undefined) => (cell === undefined ? 'missing' : `"${cell.slice(0, 60)}"`)
