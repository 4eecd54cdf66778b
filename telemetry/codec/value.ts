/**
 * The default payload: a number as text (`1.2`), or JSON `{"v":1.2,"t":1700000000000,"seq":17}`.
 * `t` is optional: milliseconds or seconds since 1970, or ISO 8601. `seq` is optional: the device's own count.
 */
import type { MessageProblem } from '../errors.ts'
import type { Reading } from '../reading.ts'

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const iso = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/
/** Below this a number is seconds: as milliseconds it would lie before 1973, as seconds it reaches to 5138. */
const millisecondsFrom = 1e11
/** 2262: the last time that fits into 64 bits of nanoseconds. */
const timeMsMax = 9.2e12

/** Longest number or object worth parsing. */
const payloadBytesMax = 1024

const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

export function decodeValue(payload: Buffer): Reading | MessageProblem {
  if (payload.length > payloadBytesMax) {
    return problem('bad_payload', `${payload.length} bytes given, at most ${payloadBytesMax} wanted`)
  }
  const text = payload.toString('utf8').trim()
  if (text.startsWith('{')) return decodeObject(text)
  if (!decimal.test(text)) {
    return problem('bad_value', `"${excerpt(text)}" given, a number like 1.2 or JSON like {"v":1.2} wanted`)
  }
  const value = Number(text)
  return Number.isFinite(value) ? { value } : problem('bad_value', `"${excerpt(text)}" is too large for a number`)
}

function decodeObject(text: string): Reading | MessageProblem {
  let json: { v?: unknown; t?: unknown; seq?: unknown }
  try {
    json = JSON.parse(text)
  } catch (error) {
    return problem('bad_payload', `"${excerpt(text)}" is not JSON: ${(error as Error).message}`)
  }
  const { v, t, seq } = json
  if (typeof v !== 'number' || !Number.isFinite(v)) {
    return problem('bad_value', `"v" is ${excerpt(JSON.stringify(v) ?? 'missing')}, a number wanted`)
  }
  const reading: Reading = { value: v }
  if (t !== undefined && t !== null) {
    const timeMs = decodeTime(t)
    if (timeMs === null) {
      return problem('bad_time', `"t" is ${excerpt(JSON.stringify(t))}, ms or s since 1970 or ISO 8601 wanted`)
    }
    reading.timeMs = timeMs
  }
  if (seq !== undefined && seq !== null) {
    if (!Number.isSafeInteger(seq) || (seq as number) < 0) {
      return problem('bad_sequence', `"seq" is ${excerpt(JSON.stringify(seq))}, a whole number from 0 on wanted`)
    }
    reading.sequence = seq as number
  }
  return reading
}

/** A time without a zone is UTC: a device that means local time must say so. */
function decodeTime(t: unknown): number | null {
  let timeMs: number
  if (typeof t === 'number') timeMs = t < millisecondsFrom ? t * 1000 : t
  else if (typeof t === 'string' && iso.test(t)) {
    const hasZone = /(Z|[+-]\d{2}:?\d{2})$/.test(t.slice(10))
    timeMs = Date.parse(t.length > 10 && !hasZone ? `${t}Z` : t)
  } else return null
  return timeMs >= 0 && timeMs <= timeMsMax ? timeMs : null
}

const excerpt = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text)

export function encodeValue(reading: Reading): Buffer {
  if (reading.timeMs === undefined && reading.sequence === undefined) return Buffer.from(String(reading.value))
  return Buffer.from(JSON.stringify({ v: reading.value, t: reading.timeMs, seq: reading.sequence }))
}
