/**
 * InfluxDB's text form of a point: `measurement,tag=value field=1.5 1700000000000000000`. Floats stand as they are,
 * integers end in `i`, booleans are words, and strings are quoted and may span lines.
 */
import type { FieldType, Series } from './point.ts'
import type { StoredPoint } from './query.ts'
import type { Value } from './reading.ts'

const escapeName = (text: string) => text.replace(/[,\s]/g, '\\$&')
const escapeTag = (text: string) => text.replace(/[,=\s]/g, '\\$&')
const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`

/** Everything before the value is the same for all points of a series, so it is built once. */
const prefixes = new WeakMap<Series, string>()

function prefixOf(series: Series): string {
  let prefix = prefixes.get(series)
  if (prefix === undefined) {
    const tags = series.tags.map(([name, value]) => `,${escapeTag(name)}=${escapeTag(value)}`).join('')
    prefix = `${escapeName(series.measurement)}${tags} ${escapeTag(series.field)}=`
    prefixes.set(series, prefix)
  }
  return prefix
}

function fieldValue(type: FieldType, value: Value): string {
  if (type === 'float') return `${value}`
  if (type === 'integer') return `${value}i`
  return type === 'string' ? quote(value as string) : `${value}`
}

export const toLine = ({ series, timeNs, value }: StoredPoint): string =>
  `${prefixOf(series)}${fieldValue(series.type, value)} ${timeNs}`

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const unwritable = /[\u0000-\u001f\u007f\\]/

/**
 * Why a series cannot be written as lines, or null. A backslash would escape what follows it, and a line that begins with
 * # is a comment: both would lose the point, or misplace it, without a word.
 */
export function lineProblem({ measurement, tags, field }: Series): string | null {
  if (measurement.startsWith('#')) return `measurement "${measurement}" begins with #: such a line is a comment`
  const wrong = [measurement, field, ...tags.flat()].find((name) => unwritable.test(name))
  return wrong === undefined ? null : `${JSON.stringify(wrong)} holds a backslash or a control character`
}
