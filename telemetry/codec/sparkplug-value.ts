/** Sparkplug's datatypes: what a number on the wire means. */
import type { MessageProblem } from '../errors.ts'
import type { Value } from '../reading.ts'
import type { WireValue } from './sparkplug-payload.ts'

export const datatypes = {
  Int8: 1,
  Int16: 2,
  Int32: 3,
  Int64: 4,
  UInt8: 5,
  UInt16: 6,
  UInt32: 7,
  UInt64: 8,
  Float: 9,
  Double: 10,
  Boolean: 11,
  String: 12,
  DateTime: 13,
  Text: 14,
  UUID: 15,
} as const
export type Datatype = keyof typeof datatypes

const namesByNumber = new Map<number, Datatype>(
  Object.entries(datatypes).map(([name, number]) => [number, name as Datatype]),
)
const integerBits = new Map<Datatype, { bits: number; signed: boolean }>([
  ['Int8', { bits: 8, signed: true }],
  ['Int16', { bits: 16, signed: true }],
  ['Int32', { bits: 32, signed: true }],
  ['Int64', { bits: 64, signed: true }],
  ['UInt8', { bits: 8, signed: false }],
  ['UInt16', { bits: 16, signed: false }],
  ['UInt32', { bits: 32, signed: false }],
  ['UInt64', { bits: 64, signed: false }],
  ['DateTime', { bits: 64, signed: false }],
])

/** Null: a data set, a template, bytes, or another type that is no reading. `datatype` undefined: the wire must tell. */
export function fromWire(
  name: string,
  datatype: number | undefined,
  wire: WireValue | undefined,
): Value | MessageProblem | null {
  const type = datatype === undefined ? undefined : namesByNumber.get(datatype)
  if (wire?.kind === 'other' || (datatype !== undefined && type === undefined)) return null
  const badValue = (detail: string): MessageProblem => ({ code: 'bad_value', detail: `metric ${name}: ${detail}` })
  if (wire === undefined) return badValue('neither a value nor is_null given')
  const mismatch = () => badValue(`a value of kind ${wire.kind} given, ${type} announced`)
  const integer = type === undefined ? undefined : integerBits.get(type)
  switch (wire.kind) {
    case 'int':
    case 'long': {
      if (type === undefined) return { code: 'no_birth', detail: `the datatype of metric ${name} is in no birth` }
      if (integer === undefined) return mismatch()
      // Encoders differ in whether a negative Int8 fills 8 bits or 32.
      const value = Number(integer.signed ? BigInt.asIntN(integer.bits, wire.value) : wire.value)
      return Number.isSafeInteger(value)
        ? value
        : badValue(`${value} is beyond 2^53, where numbers are no longer exact`)
    }
    case 'float':
    case 'double':
      if (type !== undefined && type !== 'Float' && type !== 'Double') return mismatch()
      return Number.isFinite(wire.value) ? wire.value : badValue(`${wire.value} given, a finite number wanted`)
    case 'boolean':
      return type === undefined || type === 'Boolean' ? wire.value : mismatch()
    case 'string':
      return type === undefined || type === 'String' || type === 'Text' || type === 'UUID' ? wire.value : mismatch()
  }
}

/** @throws Error when the value does not fit the datatype. */
export function toWire(name: string, datatype: Datatype, value: Value): WireValue {
  const integer = integerBits.get(datatype)
  if (integer !== undefined) {
    const { bits, signed } = integer
    const [min, max] = signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1]
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
      const wide = bits === 64
      return { kind: wide ? 'long' : 'int', value: BigInt.asUintN(wide ? 64 : 32, BigInt(value as number)) }
    }
  } else if (datatype === 'Float' || datatype === 'Double') {
    if (typeof value === 'number') return { kind: datatype === 'Float' ? 'float' : 'double', value }
  } else if (datatype === 'Boolean') {
    if (typeof value === 'boolean') return { kind: 'boolean', value }
  } else if (typeof value === 'string') return { kind: 'string', value }
  throw new Error(`sparkplug-b: ${value} given for metric ${name} of type ${datatype}`)
}
