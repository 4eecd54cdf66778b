/** InfluxDB's text form of a point: `measurement,tag=value field=1.5 1700000000000000000`. */
import type { Point, Series } from '../telemetry/point.ts'

const escapeName = (text: string) => text.replace(/[,\s]/g, '\\$&')
const escapeTag = (text: string) => text.replace(/[,=\s]/g, '\\$&')

const prefixes = new WeakMap<Series, string>()

/** Everything before the value; the same for all points of a series, so it is built once. */
function prefixOf(series: Series): string {
  let prefix = prefixes.get(series)
  if (prefix === undefined) {
    const tags = series.tags.map(([name, value]) => `,${escapeTag(name)}=${escapeTag(value)}`).join('')
    prefix = `${escapeName(series.measurement)}${tags} ${escapeTag(series.field)}=`
    prefixes.set(series, prefix)
  }
  return prefix
}

export const toLine = (point: Point): string => `${prefixOf(point.series)}${point.value} ${point.timeNs}`
