/**
 * Points as text files. A piece of text for each piece of points, made when it is asked for, so that a slow reader slows
 * the store down instead of filling memory.
 *
 * - csv: RFC 4180 with a line feed behind each line. `time,measurement,field,type,value,site,device,tags`: time in ISO
 *   8601 with nanoseconds; type float, integer, boolean or string; strings always quoted; the tags beside site and
 *   device as a JSON object, empty when there are none.
 * - lines: InfluxDB's line protocol, times in nanoseconds.
 * - ndjson: one JSON object a line with the names of the csv header; `tags` is always there.
 */
import { toLine } from '../line-protocol.ts'
import type { Series } from '../point.ts'
import type { StoredPoint } from '../query.ts'
import { deviceTag, siteTag } from '../schema.ts'

export const textFormats = {
  csv: { type: 'text/csv; charset=utf-8', extension: 'csv' },
  lines: { type: 'text/plain; charset=utf-8', extension: 'lp' },
  ndjson: { type: 'application/x-ndjson; charset=utf-8', extension: 'ndjson' },
} as const
export type TextFormat = keyof typeof textFormats

export const csvHeader = 'time,measurement,field,type,value,site,device,tags\n'

/** What a series looks like in a table: its place, and the other tags. */
type SeriesNames = { site: string; device: string; tags: { [name: string]: string } }

function namesOf({ tags }: Series): SeriesNames {
  const { [siteTag]: site = '', [deviceTag]: device = '', ...others } = Object.fromEntries(tags)
  return { site, device, tags: others }
}

/** The csv header comes with the first points, or at the end: nothing is said before the store has answered. */
export async function* exportText(
  points: AsyncIterable<StoredPoint[]>,
  format: TextFormat,
): AsyncGenerator<string, void, undefined> {
  let header = format === 'csv' ? csvHeader : ''
  const write = writers[format]()
  for await (const some of points) {
    let text = header
    header = ''
    for (const point of some) text += `${write(point)}\n`
    if (text !== '') yield text
  }
  if (header !== '') yield header
}

type Writer = (point: StoredPoint) => string

const writers: { [format in TextFormat]: () => Writer } = { csv: csvWriter, lines: () => toLine, ndjson: ndjsonWriter }

/** Points come series after series, so what is the same for all of a series is made once. */
function perSeries<Made>(make: (series: Series) => Made): (series: Series) => Made {
  let last: { series: Series; made: Made } | null = null
  return (series) => {
    if (last === null || last.series !== series) last = { series, made: make(series) }
    return last.made
  }
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
const cell = (text: string) => (/[",\r\n]/.test(text) ? quoted(text) : text)

function csvWriter(): Writer {
  const around = perSeries((series) => {
    const { site, device, tags } = namesOf(series)
    const others = Object.keys(tags).length === 0 ? '' : JSON.stringify(tags)
    return {
      before: [series.measurement, series.field, series.type].map(cell).join(','),
      after: [site, device, others].map(cell).join(','),
    }
  })
  return ({ series, timeNs, value }) => {
    const { before, after } = around(series)
    return `${isoTime(timeNs)},${before},${typeof value === 'string' ? quoted(value) : value},${after}`
  }
}

function ndjsonWriter(): Writer {
  const around = perSeries((series) => {
    const { measurement, field, type } = series
    const [before, after] = [{ measurement, field, type }, namesOf(series)].map((it) => JSON.stringify(it).slice(1, -1))
    return { before, after }
  })
  return ({ series, timeNs, value }) => {
    const { before, after } = around(series)
    return `{"time":"${isoTime(timeNs)}",${before},"value":${JSON.stringify(value)},${after}}`
  }
}

const nsPerMs = 1_000_000n
let lastSecond = { ms: Number.NaN, text: '' }

/** ISO 8601 in UTC with all nine digits: `2023-11-14T22:13:20.000000001Z`. */
export function isoTime(timeNs: bigint): string {
  const ns = ((timeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const ms = Number((timeNs - ns) / nsPerMs)
  // Neighbours in time mostly share their second.
  if (ms !== lastSecond.ms) lastSecond = { ms, text: new Date(ms).toISOString().slice(0, -5) }
  return `${lastSecond.text}.${String(ns).padStart(9, '0')}Z`
}
