/**
 * The default payload: a number as text (`1.2`), or JSON `{"v":1.2,"t":1700000000000,"seq":17}`.
 * `t` is optional: seconds, ms, us or ns since 1970 (told apart by size), or ISO 8601. `seq` is optional: the device's own count.
 */
import type { MessageProblem } from '../errors.ts'
import type { Codec, Report } from '../reading.ts'
import { countOf, decimalNumber } from './numbers.ts'
import { excerpt, shown } from './shown.ts'
import { unixTimeMs, wantedTime } from './unix-time.ts'
import { readPlainObject } from './value-object.ts'

/** Longest number or object worth parsing. */
const payloadBytesMax = 1024

type JsonObject = { v?: unknown; t?: unknown; seq?: unknown }

const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

export function decodeValue(payload: Buffer): Report[] | MessageProblem {
  if (payload.length > payloadBytesMax) {
    return problem('bad_payload', `${payload.length} bytes given, at most ${payloadBytesMax} wanted`)
  }
  const plain = readPlainObject(payload)
  if (plain !== null) return fromObject(plain)
  const text = payload.toString('utf8').trim()
  if (text.startsWith('{')) return decodeObject(text)
  const value = decimalNumber(text)
  if (value === null) {
    return problem('bad_value', `"${excerpt(text)}" given, a number like 1.2 or JSON like {"v":1.2} wanted`)
  }
  return Number.isFinite(value)
    ? reports(value, null, undefined)
    : problem('bad_value', `"${excerpt(text)}" is too large for a number`)
}

function decodeObject(text: string): Report[] | MessageProblem {
  let json: JsonObject
  try {
    json = JSON.parse(text)
  } catch (error) {
    return problem('bad_payload', `"${excerpt(text)}" is not JSON: ${(error as Error).message}`)
  }
  return fromObject(json)
}

function fromObject({ v, t, seq }: JsonObject): Report[] | MessageProblem {
  if (typeof v !== 'number' || !Number.isFinite(v)) {
    return problem('bad_value', `"v" is ${shown(v)}, a number wanted`)
  }
  const timeMs = t === undefined || t === null ? null : unixTimeMs(t)
  if (timeMs === null && t !== undefined && t !== null) {
    return problem('bad_time', `"t" is ${shown(t)}, ${wantedTime.unix} wanted`)
  }
  if (seq === undefined || seq === null) return reports(v, timeMs, undefined)
  const sequence = countOf(seq)
  if (sequence === null) return problem('bad_sequence', `"seq" is ${shown(seq)}, a whole number from 0 on wanted`)
  return reports(v, timeMs, sequence)
}

function reports(value: number, timeMs: number | null, sequence: number | undefined): Report[] {
  const timeBase = timeMs === null ? 'none' : 'unix'
  const readings = [{ channel: '', value, unit: '', timeBase, timeMs: timeMs ?? 0 } as const]
  return [sequence === undefined ? { readings } : { readings, sequence }]
}

/** A number, and perhaps when (milliseconds since 1970) and as which it was taken. */
export type NumberReading = { value: number; timeMs?: number; sequence?: number }

export function encodeValue(reading: NumberReading): Buffer {
  if (reading.timeMs === undefined && reading.sequence === undefined) return Buffer.from(String(reading.value))
  return Buffer.from(JSON.stringify({ v: reading.value, t: reading.timeMs, seq: reading.sequence }))
}

export const valueCodec: Codec = {
  decode: decodeValue,
  encode(all) {
    const [report] = all
    const [reading] = report?.readings ?? []
    if (report === undefined || reading === undefined || all.length > 1 || report.readings.length > 1) {
      throw new Error('the value codec holds exactly one reading')
    }
    if (typeof reading.value !== 'number') throw new Error(`the value codec holds numbers, not ${typeof reading.value}`)
    if (reading.timeBase !== 'none' && reading.timeBase !== 'unix')
      throw new Error('the value codec holds times since 1970 only')
    return encodeValue({
      value: reading.value,
      ...(reading.timeBase === 'unix' && { timeMs: reading.timeMs }),
      ...(report.sequence !== undefined && { sequence: report.sequence }),
    })
  },
}
