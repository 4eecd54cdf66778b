/** Reads single data items of CBOR [RFC 8949] in one pass, without building trees: as much of it as SenML needs. */
import { powersOfTen } from './numbers.ts'

/** The bytes are no CBOR, or not the item that was wanted. Never leaves a codec. */
export class CborError extends Error {}

/** Items within items that are walked over; deeper is refused. */
const depthMax = 16
/** Longest mantissa of a decimal fraction. */
const mantissaBytesMax = 16

export const major = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const
const majorNames = [
  'an integer',
  'an integer',
  'bytes',
  'text',
  'an array',
  'a map',
  'a tag',
  'a simple value',
] as const

export type CborReader = {
  /** @returns the number of items, or -1 for as many as come before the break; with map, of pairs. */
  open(kind: 'array' | 'map'): number
  /** Takes the break, if it is next. */
  isBreak(): boolean
  isText(): boolean
  isAtEnd(): boolean
  number(): number
  integer(): number
  text(): string
  bytes(): Buffer
  boolean(): boolean
  skip(): void
}

/** Every method of the reader throws CborError when what comes is not what was asked for. */
export function createCborReader(payload: Buffer): CborReader {
  let position = 0
  let argument = 0

  const fail = (wanted: string): never => {
    const byte = payload[position]
    const given = byte === undefined ? 'the end' : majorNames[byte >> 5]
    throw new CborError(`${given} at byte ${position}, ${wanted} wanted`)
  }

  /** Reads initial byte and argument; -1 as argument: of indefinite length. */
  function head(wanted: string): number {
    const first = payload[position]
    if (first === undefined) return fail(wanted)
    const info = first & 31
    const length = info < 24 ? 0 : info < 28 ? 1 << (info - 24) : -1
    if (position + 1 + length > payload.length || (length < 0 && info !== 31)) return fail(wanted)
    position++
    if (length === 0) argument = info
    else if (length === 1) argument = payload[position] as number
    else if (length === 2) argument = payload.readUInt16BE(position)
    else if (length === 4) argument = payload.readUInt32BE(position)
    else if (length === 8) argument = payload.readUInt32BE(position) * 2 ** 32 + payload.readUInt32BE(position + 4)
    else argument = -1
    if (length > 0) position += length
    return first >> 5
  }

  function expect(kind: number, wanted: string): number {
    if ((payload[position] as number) >> 5 !== kind) return fail(wanted)
    head(wanted)
    return argument
  }

  function number(): number {
    const first = payload[position] as number
    switch (first >> 5) {
      case major.unsigned:
      case major.negative:
        return integer('a number')
      case major.tag:
        return first === 0xc4 ? decimalFraction() : fail('a number')
      case major.simple:
        return float(first)
    }
    return fail('a number')
  }

  function integer(wanted = 'an integer'): number {
    const kind = head(wanted)
    if (argument < 0 || kind > major.negative) return fail(wanted)
    return kind === major.unsigned ? argument : -1 - argument
  }

  function float(first: number): number {
    const at = position + 1
    const length = first === 0xf9 ? 2 : first === 0xfa ? 4 : first === 0xfb ? 8 : 0
    if (length === 0 || at + length > payload.length) return fail('a number')
    position = at + length
    if (length === 8) return payload.readDoubleBE(at)
    return length === 4 ? payload.readFloatBE(at) : fromHalf(payload.readUInt16BE(at))
  }

  /** [RFC 8949 §3.4.4] */
  function decimalFraction(): number {
    position++
    if (open('array') !== 2) return fail('exponent and mantissa')
    const exponent = integer()
    const isBig = (payload[position] as number) >> 5 === major.tag
    const mantissa = isBig ? bigInteger() : integer()
    if (typeof mantissa === 'number' && Number.isSafeInteger(mantissa)) {
      const power = powersOfTen[Math.abs(exponent)]
      if (power !== undefined) return exponent < 0 ? mantissa / power : mantissa * power
    }
    return Number(`${BigInt(mantissa)}e${exponent}`)
  }

  /** [RFC 8949 §3.4.3] */
  function bigInteger(): bigint {
    const tag = expect(major.tag, 'an integer')
    if (tag !== 2 && tag !== 3) return fail('an integer')
    const digits = bytes()
    if (digits.length > mantissaBytesMax) return fail(`a mantissa of at most ${mantissaBytesMax} bytes`)
    const magnitude = BigInt(`0x0${digits.toString('hex')}`)
    return tag === 2 ? magnitude : -1n - magnitude
  }

  function open(kind: 'array' | 'map'): number {
    return expect(major[kind], kind === 'array' ? 'an array' : 'a map')
  }

  /** Of definite length, as SenML wants them [RFC 8428 §6]. */
  function span(kind: number, wanted: string): number {
    const length = expect(kind, wanted)
    if (length < 0 || position + length > payload.length) return fail(`${wanted} of definite length`)
    position += length
    return position - length
  }

  function text(): string {
    const from = span(major.text, 'text')
    const value = payload.toString('utf8', from, position)
    // Bytes that are no UTF-8 turn into this character; few texts hold it for real.
    if (value.includes('\ufffd') && !payload.subarray(from, position).equals(Buffer.from(value))) return fail('UTF-8')
    return value
  }

  function bytes(): Buffer {
    const from = span(major.bytes, 'bytes')
    return payload.subarray(from, position)
  }

  function isBreak(): boolean {
    if (payload[position] !== 0xff) return false
    position++
    return true
  }

  function skip(depth = 0): void {
    if (depth > depthMax) fail(`at most ${depthMax} items within one another`)
    const kind = head('an item')
    const length = argument
    if (kind === major.tag) {
      if (length < 0) fail('an item')
      skip(depth + 1)
    } else if (kind === major.bytes || kind === major.text) {
      if (length < 0) while (!isBreak()) span(kind, 'a part of a string')
      else if (position + length > payload.length) fail('the rest of a string')
      else position += length
    } else if (kind === major.array || kind === major.map) {
      const items = kind === major.map ? length * 2 : length
      for (let i = 0; length < 0 ? !isBreak() : i < items; i++) skip(depth + 1)
    } else if (length < 0) {
      fail('an item')
    }
  }

  return {
    open,
    isBreak,
    isText: () => (payload[position] as number) >> 5 === major.text,
    isAtEnd: () => position === payload.length,
    number,
    integer: () => integer(),
    text,
    bytes,
    boolean() {
      const byte = payload[position]
      if (byte !== 0xf4 && byte !== 0xf5) return fail('true or false')
      position++
      return byte === 0xf5
    },
    skip: () => skip(),
  }
}

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}
