/** The writing half of line protocol. Readings that follow one another with the same series and time share a line. */
import type { Reading, Report, Value } from '../reading.ts'

/** @throws Error when a reading has no series, a time that is not since 1970, or a name that cannot be written. */
export function encodeInflux(reports: Report[]): Buffer {
  const lines: string[] = []
  let open = ''
  for (const reading of reports.flatMap(({ readings }) => readings)) {
    const head = headOf(reading)
    const time = timeOf(reading)
    const field = `${escaped(reading.channel, /[,= "]/g, 'field')}=${fieldValue(reading)}`
    if (lines.length > 0 && open === `${head} ${time}`) {
      // The line ends with its time: the field goes before it.
      const last = lines.at(-1) as string
      lines[lines.length - 1] = `${last.slice(0, last.length - time.length)},${field}${time}`
    } else lines.push(`${head} ${field}${time}`)
    open = `${head} ${time}`
  }
  return Buffer.from(lines.join('\n'))
}

function headOf({ series, channel }: Reading): string {
  if (series === undefined) throw new Error(`influx: reading ${channel} names no series`)
  const measurement = escaped(series.measurement, /[, ]/g, 'measurement')
  if (measurement.startsWith('#')) throw new Error(`influx: measurement ${measurement} would be a comment`)
  const tags = series.tags.map(([name, value]) => {
    return `,${escaped(name, /[,= ]/g, 'tag')}=${escaped(value, /[,= ]/g, `value of tag ${name}`)}`
  })
  return measurement + tags.join('')
}

function escaped(text: string, special: RegExp, what: string): string {
  if (text === '' || text.endsWith('\\') || /[\t\r\n]/.test(text)) {
    const wanted = 'not empty, without tabs and line ends, and without a backslash at the end wanted'
    throw new Error(`influx: ${what} ${JSON.stringify(text)} given, ${wanted}`)
  }
  return text.replace(special, '\\$&')
}

function fieldValue({ value, channel }: Reading): string {
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`influx: ${channel} is ${value}`)
  return String(value satisfies Value)
}

/** With the space before it. Milliseconds, or nanoseconds where they say more; neither is short enough to pass for seconds. */
function timeOf({ timeBase, timeMs, channel }: Reading): string {
  if (timeBase === 'none') return ''
  if (timeBase !== 'unix' || !(timeMs >= 1e11 && timeMs <= 9.2e12)) {
    throw new Error(`influx: the time of ${channel} is ${timeMs} ms (${timeBase}), one from 1973 to 2261 wanted`)
  }
  if (Number.isInteger(timeMs)) return ` ${timeMs}`
  const ms = Math.floor(timeMs)
  return ` ${BigInt(ms) * 1_000_000n + BigInt(Math.round((timeMs - ms) * 1e6))}`
}
