/** All points of a range of time, series by series and in pages, so that memory holds one page. */
import { limits } from '../telemetry/limits.ts'
import { createSeries, type FieldType, type Series } from '../telemetry/point.ts'
import type { ScanQuery, StoredField, StoredPoint } from '../telemetry/query.ts'
import type { Value } from '../telemetry/reading.ts'
import { channelOf, deviceTag, siteTag } from '../telemetry/schema.ts'
import { readable, typed } from './influxdb-fields.ts'
import { type InfluxSeries, identifier, literal } from './influxql.ts'

/** Answers times as text: as numbers, nanoseconds would lose their last digits in JSON. */
export type Ask = (statement: string) => Promise<InfluxSeries[]>

export async function* scanSeries(
  ask: Ask,
  fields: StoredField[],
  query: ScanQuery,
  fromNs: bigint,
  toNs: bigint,
): AsyncGenerator<StoredPoint[]> {
  const wanted = readable(fields).filter(
    ({ measurement, field }) => query.channel === undefined || channelOf(measurement, field) === query.channel,
  )
  for (const measurement of new Set(wanted.map((it) => it.measurement))) {
    const found = await seriesOf(ask, measurement, query)
    const names = [...new Set(found.flatMap((tags) => tags.map(([name]) => name)))]
    for (const tags of found) {
      for (const field of wanted.filter((it) => it.measurement === measurement)) {
        const where = names.map((name) => {
          // An absent tag is an empty one: without saying so the series with more tags would be answered as well.
          const value = tags.find(([it]) => it === name)?.[1] ?? ''
          return `${identifier(name)} = ${literal(value)} AND `
        })
        const from = `SELECT ${typed(field)} FROM ${identifier(measurement)} WHERE ${where.join('')}`
        yield* readSeries(ask, from, createSeries(measurement, tags, field.field, field.type), fromNs, toNs)
      }
    }
  }
}

/** `toNs` is not in the range. */
async function* readSeries(
  ask: Ask,
  from: string,
  series: Series,
  fromNs: bigint,
  toNs: bigint,
): AsyncGenerator<StoredPoint[]> {
  const rowsMax = rowsOfPage(series.type)
  let nextNs = fromNs
  for (;;) {
    const statement = `${from}time >= ${nextNs} AND time < ${toNs} ORDER BY time LIMIT ${rowsMax}`
    const rows = (await ask(statement))[0]?.values ?? []
    for (let i = 0; i < rows.length; i += limits.batchPointsMax) {
      yield rows.slice(i, i + limits.batchPointsMax).map(([time, value]): StoredPoint => {
        const timeNs = parseTimeNs(time as string)
        nextNs = timeNs + 1n
        return { series, timeNs, value: value as Value }
      })
    }
    if (rows.length < rowsMax) return
  }
}

const rowsOfPage = (type: FieldType) => (type === 'string' ? limits.scanTextRows : limits.scanRows)

/** [RFC 3339] with up to nine digits of a second: `2023-11-14T22:13:20.000000001Z`. */
export function parseTimeNs(text: string): bigint {
  const fraction = text.length > 20 ? text.slice(20, -1) : ''
  return BigInt(Date.parse(`${text.slice(0, 19)}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

/** Tags of each series of a measurement. */
async function seriesOf(ask: Ask, measurement: string, { device, site }: ScanQuery): Promise<Series['tags'][]> {
  const wanted = [
    ...(device === undefined ? [] : [`${identifier(deviceTag)} = ${literal(device)}`]),
    ...(site === undefined ? [] : [`${identifier(siteTag)} = ${literal(site)}`]),
  ]
  const where = wanted.length === 0 ? '' : ` WHERE ${wanted.join(' AND ')}`
  const [answer] = await ask(`SHOW SERIES FROM ${identifier(measurement)}${where}`)
  return (answer?.values ?? []).map(([key]) => parseTags(key as string))
}

const unescaped = (text: string) => text.replace(/\\([,= ])/g, '$1')

/** `rainfall,device=g\ 1,site=a`: the measurement, then the tags with what means something else escaped. */
function parseTags(key: string): Series['tags'] {
  const [, ...tags] = key.split(/(?<!\\),/)
  return tags.map((tag) => {
    const [name = '', ...value] = tag.split(/(?<!\\)=/)
    return [unescaped(name), unescaped(value.join('='))] as const
  })
}
