/**
 * InfluxDB's line protocol, as InfluxDB 1 and 2 and Telegraf write and read it: every field of every line is a reading that
 * names its own series. What must be escaped differs by place; a backslash before anything else is a backslash.
 */

import { isUtf8 } from 'node:buffer'
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import { timeMsMax } from '../point.ts'
import { type Codec, isProblem, type Reading, type Report, type Value } from '../reading.ts'
import { encodeInflux } from './influx-encode.ts'

type Tag = readonly [name: string, value: string]
/** `line` counts from 1. */
type Cursor = { text: string; at: number; line: number }

const float = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const integer = /^(-?\d+i|\d+u)$/
const booleans = new Map<string, boolean>([
  ...['t', 'T', 'true', 'True', 'TRUE'].map((it) => [it, true] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((it) => [it, false] as const),
])
/** By code of a character, whether it ends a name that is not escaped; a line's end always does. */
const endsOf = (text: string): Uint8Array => {
  const ends = new Uint8Array(128)
  for (const char of text) ends[char.charCodeAt(0)] = 1
  return ends
}
const measurementEnds = endsOf(', \t\r')
const keyEnds = endsOf(',= \t\r')
const backslash = 0x5c
const lineEnd = 0x0a

export const influxCodec: Codec = { decode, encode: encodeInflux }

function decode(payload: Buffer): Report[] | MessageProblem {
  if (!isUtf8(payload)) return { code: 'bad_payload', detail: 'the payload is not UTF-8' }
  const cursor: Cursor = { text: payload.toString('utf8'), at: 0, line: 1 }
  const readings: Reading[] = []
  while (cursor.at < cursor.text.length) {
    skipSpace(cursor)
    const next = cursor.text[cursor.at]
    if (next === '#') cursor.at = endOfLine(cursor)
    else if (next !== '\n' && next !== undefined) {
      const failure = readLine(cursor, readings)
      if (failure !== null) return failure
    }
    cursor.at += 1
    cursor.line += 1
  }
  return readings.length === 0 ? [] : [{ readings }]
}

/** Leaves the cursor at the line's end. */
function readLine(cursor: Cursor, readings: Reading[]): MessageProblem | null {
  const measurement = unescaped(readName(cursor, measurementEnds), /\\([, ])/g)
  if (measurement === '') return problem(cursor, 'a measurement wanted')
  const tags = readTags(cursor)
  if (isProblem(tags)) return tags
  if (!skipSpace(cursor)) return problem(cursor, 'a space and a field wanted')
  const series = { measurement, tags }
  const from = readings.length
  for (;;) {
    const channel = unescaped(readName(cursor, keyEnds), /\\([,= "])/g)
    if (channel === '' || cursor.text[cursor.at] !== '=') return problem(cursor, 'a field like name=1.2 wanted')
    cursor.at += 1
    const value = cursor.text[cursor.at] === '"' ? readQuoted(cursor) : readPlain(cursor)
    if (typeof value === 'object') return value
    if (readings.length === limits.readingsPerMessageMax) {
      return problem(cursor, `more than ${limits.readingsPerMessageMax} readings in one message`)
    }
    readings.push({ channel, value, unit: '', timeBase: 'none', timeMs: 0, series })
    if (cursor.text[cursor.at] !== ',') break
    cursor.at += 1
  }
  if (skipSpace(cursor) && !isLineEnd(cursor)) {
    const timeMs = readTime(cursor)
    if (typeof timeMs === 'object') return timeMs
    for (let i = from; i < readings.length; i++) {
      const reading = readings[i] as Reading
      reading.timeBase = 'unix'
      reading.timeMs = timeMs
    }
    skipSpace(cursor)
  }
  return isLineEnd(cursor) ? null : problem(cursor, 'the end of the line wanted')
}

function readTags(cursor: Cursor): Tag[] | MessageProblem {
  const tags: Tag[] = []
  while (cursor.text[cursor.at] === ',') {
    cursor.at += 1
    const name = unescaped(readName(cursor, keyEnds), /\\([,= ])/g)
    if (name === '' || cursor.text[cursor.at] !== '=') return problem(cursor, 'a tag like name=value wanted')
    cursor.at += 1
    const value = unescaped(readName(cursor, keyEnds), /\\([,= ])/g)
    if (value === '') return problem(cursor, `a value of tag ${excerpt(name)} wanted`)
    if (tags.length === limits.tagsPerReadingMax)
      return problem(cursor, `at most ${limits.tagsPerReadingMax} tags wanted`)
    tags.push([name, value])
  }
  if (tags.length > 1 && new Set(tags.map(([name]) => name)).size < tags.length) {
    return problem(cursor, 'every tag only once wanted')
  }
  return tags
}

/** Up to a character of `ends` without a backslash before it. */
function readName(cursor: Cursor, ends: Uint8Array): string {
  const { text, at: from } = cursor
  let at = from
  let before = 0
  for (; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === lineEnd || (ends[char] === 1 && before !== backslash)) break
    before = char
  }
  cursor.at = at
  return text.slice(from, at)
}

const unescaped = (text: string, escapes: RegExp) => (text.includes('\\') ? text.replace(escapes, '$1') : text)

function readQuoted(cursor: Cursor): Value | MessageProblem {
  const { text, at: from } = cursor
  let lines = 0
  for (let at = from + 1; at < text.length; at++) {
    const char = text[at]
    if (char === '\\' && (text[at + 1] === '"' || text[at + 1] === '\\')) at += 1
    else if (char === '\n') lines += 1
    else if (char === '"') {
      cursor.at = at + 1
      cursor.line += lines
      return unescaped(text.slice(from + 1, at), /\\(["\\])/g)
    }
  }
  return problem(cursor, 'a closing " wanted')
}

function readPlain(cursor: Cursor): Value | MessageProblem {
  const text = readToken(cursor)
  if (float.test(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : problem(cursor, `${excerpt(text)} is too large for a number`, 'bad_value')
  }
  if (integer.test(text)) {
    const value = Number(text.slice(0, -1))
    if (Number.isSafeInteger(value)) return value
    return problem(cursor, `${excerpt(text)} is beyond 2^53, where numbers are no longer exact`, 'bad_value')
  }
  return (
    booleans.get(text) ??
    problem(cursor, `"${excerpt(text)}" given, a number, 1i, 1u, true, false or "text" wanted`, 'bad_value')
  )
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970: by size, they reach from 1973 to 5138. */
function readTime(cursor: Cursor): number | MessageProblem {
  const text = readToken(cursor)
  if (!/^\d{1,19}$/.test(text)) {
    return problem(cursor, `time "${excerpt(text)}" given, s, ms, us or ns since 1970 wanted`, 'bad_time')
  }
  const number = Number(text)
  let timeMs: number
  if (number < 1e11) timeMs = number * 1000
  else if (number < 1e14) timeMs = number
  else {
    const digits = number < 1e17 ? 3 : 6
    // Read as a decimal: a division would round twice.
    timeMs = Number(`${text.slice(0, -digits)}.${text.slice(-digits)}`)
  }
  if (timeMs <= timeMsMax) return timeMs
  return problem(cursor, `time ${text} lies beyond 2261, the last that can be stored`, 'bad_time')
}

function readToken(cursor: Cursor): string {
  const from = cursor.at
  while (cursor.at < cursor.text.length && !', \t\r\n'.includes(cursor.text[cursor.at] as string)) cursor.at += 1
  return cursor.text.slice(from, cursor.at)
}

/** Whether there was any. */
function skipSpace(cursor: Cursor): boolean {
  const from = cursor.at
  while (cursor.at < cursor.text.length && ' \t\r'.includes(cursor.text[cursor.at] as string)) cursor.at += 1
  return cursor.at > from
}

const isLineEnd = ({ text, at }: Cursor) => at >= text.length || text[at] === '\n'

function endOfLine({ text, at }: Cursor): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

const excerpt = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text)

function problem(
  { text, at, line }: Cursor,
  wanted: string,
  code: MessageProblem['code'] = 'bad_payload',
): MessageProblem {
  const column = at - text.lastIndexOf('\n', at - 1)
  return { code, detail: `line ${line}, character ${column}: ${wanted}` }
}
