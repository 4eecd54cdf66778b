/**
 * Reads `{"v":1.2,"t":1700000000000,"seq":17}` straight from its bytes, as most devices send it: the three keys in any order,
 * numbers without exponent, a blank after `:` and `,` or none. It reads them to the last bit as JSON.parse does; what it does
 * not read is JSON.parse's.
 */
import { powersOfTen } from './numbers.ts'

export type PlainObject = { v: number | undefined; t: number | undefined; seq: number | undefined }

/** So many digits are always a whole number that a double holds (see powersOfTen). */
const digitsMax = 15

const byte = { blank: 0x20, comma: 0x2c, minus: 0x2d, point: 0x2e, zero: 0x30, nine: 0x39, colon: 0x3a } as const
const [quote, open, close] = [0x22, 0x7b, 0x7d]
const [s, e, q, t, v] = [0x73, 0x65, 0x71, 0x74, 0x76]

/** null: it is of another shape, or no JSON. */
export function readPlainObject(payload: Buffer): PlainObject | null {
  const last = payload.length - 1
  if (payload[0] !== open || payload[last] !== close) return null
  const object: PlainObject = { v: undefined, t: undefined, seq: undefined }
  for (let at = 1; at < last; at++) {
    if (payload[at] === byte.blank && at > 1) at++
    const key = keyAt(payload, at + 1)
    if (payload[at] !== quote || key === null || object[key] !== undefined) return null
    at += key.length + 1
    if (payload[at] !== quote || payload[at + 1] !== byte.colon) return null
    at += payload[at + 2] === byte.blank ? 3 : 2
    const from = at
    while (at < last && payload[at] !== byte.comma) at++
    const number = readDecimal(payload, from, at)
    if (Number.isNaN(number)) return null
    object[key] = number
    if (at === last) return object
  }
  return null
}

function keyAt(payload: Buffer, at: number): keyof PlainObject | null {
  const letter = payload[at]
  if (letter === v) return 'v'
  if (letter === t) return 't'
  return letter === s && payload[at + 1] === e && payload[at + 2] === q ? 'seq' : null
}

/** NaN: what stands there is no plain number, or one of more digits. */
function readDecimal(payload: Buffer, from: number, to: number): number {
  const isNegative = payload[from] === byte.minus
  const first = isNegative ? from + 1 : from
  let mantissa = 0
  let pointAt = to
  for (let at = first; at < to; at++) {
    const digit = payload[at] as number
    if (digit >= byte.zero && digit <= byte.nine) mantissa = mantissa * 10 + digit - byte.zero
    else if (digit === byte.point && pointAt === to) pointAt = at
    else return NaN
  }
  const whole = pointAt - first
  const decimals = Math.max(0, to - pointAt - 1)
  if (whole < 1 || pointAt === to - 1 || whole + decimals > digitsMax) return NaN
  if (whole > 1 && payload[first] === byte.zero) return NaN
  const number = decimals === 0 ? mantissa : mantissa / (powersOfTen[decimals] as number)
  return isNegative ? -number : number
}
