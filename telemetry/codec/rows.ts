/** Reports the way encoders of rows and columns need them, for formats that say no unit and no series. */
import type { Reading, Report } from '../reading.ts'

/** @throws Error when the report says something that the format has no place for */
export function assertSayable(codec: string, report: Report): void {
  if (report.readings.length === 0) throw new Error(`the ${codec} codec holds no report without readings`)
  if (report.sequenceBits !== undefined) throw new Error(`the ${codec} codec cannot say where the sequence wraps`)
  for (const reading of report.readings) {
    if (reading.unit !== '') throw new Error(`the ${codec} codec holds no units; "${reading.unit}" stands in the route`)
    if (reading.series !== undefined) throw new Error(`the ${codec} codec holds no series of its own`)
  }
}

/**
 * Neighbours of one time stand in one row, as long as their channels follow in the order of the layout's `channels`: so
 * that row by row they are read in the same order again. @throws Error for a channel that the layout does not have
 */
export function rowsOf(readings: Reading[], channels: string[]): Reading[][] {
  const rows: Reading[][] = []
  let row: Reading[] = []
  let last = -1
  for (const reading of readings) {
    const [first] = row
    const place = channels.indexOf(reading.channel)
    if (place < 0) throw new Error(`the layout has no place for channel "${reading.channel}"`)
    if (place <= last || first?.timeBase !== reading.timeBase || first.timeMs !== reading.timeMs) {
      row = []
      rows.push(row)
    }
    row.push(reading)
    last = place
  }
  return rows
}
