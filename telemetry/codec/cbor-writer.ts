/** Writes single data items of CBOR [RFC 8949], each in the shortest form that comes back as the same value. */
import { major } from './cbor-reader.ts'

export type CborWriter = {
  array(items: number): void
  map(pairs: number): void
  /** The shortest of integer, half, single, decimal fraction and double that comes back as the same number. */
  number(value: number): void
  text(value: string): void
  boolean(value: boolean): void
  end(): Buffer
}

export function createCborWriter(): CborWriter {
  const parts: Buffer[] = []

  function head(kind: number, argument: number): void {
    const first = kind << 5
    if (argument < 24) return void parts.push(Buffer.of(first | argument))
    if (argument < 256) return void parts.push(Buffer.of(first | 24, argument))
    const length = argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8
    const bytes = Buffer.alloc(1 + length)
    bytes[0] = first | (length === 2 ? 25 : length === 4 ? 26 : 27)
    if (length === 8) bytes.writeBigUInt64BE(BigInt(argument), 1)
    else bytes.writeUIntBE(argument, 1, length)
    parts.push(bytes)
  }

  const integer = (value: number) =>
    value < 0 ? head(major.negative, -1 - value) : head(major.unsigned, value === 0 ? 0 : value)

  function number(value: number): void {
    if (Number.isSafeInteger(value)) {
      integer(value)
      return
    }
    const half = toHalf(value)
    const single = Math.fround(value) === value || Number.isNaN(value)
    const decimal = toDecimal(value)
    if (half !== null) {
      parts.push(Buffer.of(0xf9, half >> 8, half & 255))
    } else if (decimal !== null && 3 + lengthOf(decimal.mantissa) < (single ? 5 : 9)) {
      parts.push(Buffer.of(0xc4, 0x82))
      integer(decimal.exponent)
      integer(decimal.mantissa)
    } else {
      const bytes = Buffer.alloc(single ? 5 : 9)
      bytes[0] = single ? 0xfa : 0xfb
      if (single) bytes.writeFloatBE(value, 1)
      else bytes.writeDoubleBE(value, 1)
      parts.push(bytes)
    }
  }

  return {
    array: (items) => head(major.array, items),
    map: (pairs) => head(major.map, pairs),
    number,
    text(value) {
      const bytes = Buffer.from(value)
      head(major.text, bytes.length)
      parts.push(bytes)
    },
    boolean: (value) => void parts.push(Buffer.of(value ? 0xf5 : 0xf4)),
    end: () => Buffer.concat(parts),
  }
}

/** Bytes of an integer that fits into 32 bits; more is never shorter than a double. */
const lengthOf = (value: number) => {
  const argument = value < 0 ? -1 - value : value
  return argument < 24 ? 1 : argument < 256 ? 2 : argument < 2 ** 16 ? 3 : 5
}

/** The half that is exactly this number, or null. */
function toHalf(value: number): number | null {
  const size = Math.abs(value)
  if (!(size >= 2 ** -24 && size <= 65_504)) return null
  const exponent = Math.max(-14, Math.floor(Math.log2(size)))
  const fraction = size * 2 ** (10 - exponent)
  if (!Number.isInteger(fraction)) return null
  const bits = fraction < 1024 ? fraction : ((exponent + 15) << 10) | (fraction - 1024)
  return (value < 0 ? 0x8000 : 0) | bits
}

/** Mantissa and exponent of the number's shortest decimal form, when they are small enough to save bytes. */
function toDecimal(value: number): { mantissa: number; exponent: number } | null {
  const [, sign, whole, part = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? []
  if (whole === undefined) return null
  const mantissa = Number(`${sign}${whole}${part}`)
  const exponent = Number(power) - part.length
  return Math.abs(mantissa) < 2 ** 32 && exponent >= -24 && exponent <= 23 ? { mantissa, exponent } : null
}
