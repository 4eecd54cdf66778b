/** Line protocol taken apart, so that lines can be compared by what they say and not by how they are written. */
import { metaFields } from '../telemetry/schema.ts'

/** One field of a line. `value` as it is written: `1.5`, `3i`, `true`, `"text"`. */
export type LinePoint = { measurement: string; tags: string[][]; field: string; value: string; time: bigint | null }

/** Splits at separators that are not escaped and, in fields, not inside double quotes; elsewhere a quote is a character. */
function split(text: string, separator: string, hasQuotes: boolean): string[] {
  const parts: string[] = []
  let isQuoted = false
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (hasQuotes && text[i] === '"') isQuoted = !isQuoted
    else if (text[i] === separator && !isQuoted) {
      parts.push(text.slice(from, i))
      from = i + 1
    }
  }
  return [...parts, text.slice(from)]
}

const valueForm = /^(?:[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|[-+]?\d+[iu]|t|f|true|false|".*")$/is
const plain = (text: string) => text.replace(/\\([,= ])/g, '$1')

/** Null when the text is no line protocol. */
export function parseLine(text: string): LinePoint[] | null {
  const line = text.trim()
  const [head = ''] = split(line, ' ', false)
  const [fields = '', time, ...rest] = split(line.slice(head.length).trim(), ' ', true)
  if (rest.length > 0 || (time !== undefined && !/^-?\d+$/.test(time))) return null
  const [measurement = '', ...tagTexts] = split(head, ',', false)
  const tags = tagTexts.map((tag) => split(tag, '=', false).map(plain))
  const values = split(fields, ',', true).map((field) => split(field, '=', true))
  const isWhole = [...tags, ...values].every((pair) => pair.length === 2 && pair.every((part) => part !== ''))
  if (measurement === '' || !isWhole || !values.every(([, value = '']) => valueForm.test(value))) return null
  return values.map(([field = '', value = '']) => ({
    measurement: plain(measurement),
    tags: tags.toSorted(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0)),
    field: plain(field),
    value,
    time: time === undefined ? null : BigInt(time),
  }))
}

/** The millisecond of a time in nanoseconds, also before 1970. */
export const millisecond = (ns: bigint): bigint => (ns - (((ns % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n

/**
 * What differs between lines that a person expects (time in ms, or none) and lines as ingest makes them (time in ns).
 * Order, tag order and the writing of numbers do not count; meta fields only where an expected line has one.
 */
export function differences(expected: string[], got: string[]): { missing: string[]; surplus: string[] } {
  const wanted = expected.map((line) => ({ line, points: parseLine(line) }))
  const hasMeta = wanted.some(({ points }) => points?.some(({ field }) => metaFields.includes(field)))
  const left = got
    .map((line) => ({
      line,
      points: (parseLine(line) ?? []).filter((it) => hasMeta || !metaFields.includes(it.field)),
    }))
    .filter(({ points }) => points.length > 0)
  const missing = wanted.filter(({ points }) => {
    if (points === null) return true
    // Taken out one by one, so that a line which is expected twice must come twice.
    return !points.every((point) => left.some(({ points: found }) => takeOut(found, point)))
  })
  const surplus = left.filter(({ points }) => points.length > 0)
  return { missing: missing.map(({ line }) => line), surplus: surplus.map(({ line }) => line) }
}

function takeOut(points: LinePoint[], wanted: LinePoint): boolean {
  const index = points.findIndex((it) => isSame(wanted, it))
  if (index !== -1) points.splice(index, 1)
  return index !== -1
}

function isSame(wanted: LinePoint, got: LinePoint): boolean {
  const isNow = wanted.time === null || (got.time !== null && wanted.time === millisecond(got.time))
  const isSeries =
    wanted.measurement === got.measurement &&
    wanted.field === got.field &&
    JSON.stringify(wanted.tags) === JSON.stringify(got.tags)
  return isNow && isSeries && isSameValue(wanted.value, got.value)
}

/** Numbers may differ by what binary fractions add: people write 0.3, and 0.1 * 3 is a little more. */
function isSameValue(wanted: string, got: string): boolean {
  if (wanted === got) return true
  const [a, b] = [wanted, got].map(typed) as [Typed, Typed]
  if (typeof a === 'number' && typeof b === 'number')
    return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b))
  return a === b
}

type Typed = number | boolean | string

/** Integers (`3i`) and texts stay texts: they are the same only when they are written the same. */
function typed(value: string): Typed {
  if (/^(t|true)$/i.test(value)) return true
  if (/^(f|false)$/i.test(value)) return false
  return /^[-+.\d]/.test(value) && Number.isFinite(Number(value)) ? Number(value) : value
}

/** A line with time in nanoseconds as an example would write it. */
export const toMilliseconds = (line: string): string =>
  line.replace(/ (-?\d+)$/, (_, ns: string) => ` ${millisecond(BigInt(ns))}`)
