/** The members of a struct as steps: where each stands, and how its number is read and written. */
import { columnRoles, type StructMember, type StructType } from '../route.ts'

export type Step = {
  name: string
  /** From the begin of its part, in bytes. */
  offset: number
  bytes: number
  big: boolean
  kind: 'unsigned' | 'signed' | 'float'
  /** Bits of the number, and below it in the same bytes. */
  bits: number
  shift: number
  isInteger: boolean
  /** Of a sequence in this member; null: a float, which does not wrap. */
  sequenceBits: number | null
}
export type Part = { steps: Step[]; bytes: number; channels: number }

/** From here on a time since 1970 is milliseconds: as seconds it would lie after 5138. */
export const millisecondsFrom = 1e11

const roles = new Set<string>(columnRoles)

export const isChannel = ({ name }: { name: string }): boolean => !roles.has(name)

/** @throws Error when a member asks for bits that its type does not have. */
export function compile(members: readonly StructMember[]): Part {
  const steps: Step[] = []
  let bytes = 0
  /** The bytes that members with bits share, as in C whether they are signed or not, and how many bits are given away. */
  let shared: { width: number; big: boolean; offset: number; used: number } | null = null
  for (const { name, type, bits, big } of members) {
    const width = Number(type.slice(1))
    const isInteger = !type.startsWith('f')
    const step = {
      name,
      bytes: width / 8,
      big,
      isInteger,
      kind: kindOf(type),
      sequenceBits: isInteger ? (bits ?? width) : null,
    }
    if (bits === null) {
      steps.push({ ...step, offset: bytes, bits: width, shift: 0 })
      bytes += step.bytes
      shared = null
      continue
    }
    if (!isInteger || !Number.isInteger(bits) || bits < 1 || bits > width) {
      throw new Error(
        `struct member "${name}": ${bits} bits of ${type}, 1 to ${isInteger ? `${width} wanted` : 'all wanted'}`,
      )
    }
    if (shared === null || shared.width !== width || shared.big !== big || shared.used + bits > width) {
      shared = { width, big, offset: bytes, used: 0 }
      bytes += step.bytes
    }
    steps.push({ ...step, offset: shared.offset, bits, shift: shared.used })
    shared.used += bits
  }
  return { steps, bytes, channels: steps.filter(isChannel).length }
}

const kindOf = (type: StructType): Step['kind'] =>
  type.startsWith('f') ? 'float' : type.startsWith('u') ? 'unsigned' : 'signed'

/** Beyond 2^53 the nearest number that there is, which is no safe integer. */
export function readNumber(payload: Buffer, at: number, step: Step): number {
  const { bytes, big, kind, bits, shift } = step
  if (kind === 'float') {
    if (bytes === 4) return big ? payload.readFloatBE(at) : payload.readFloatLE(at)
    return big ? payload.readDoubleBE(at) : payload.readDoubleLE(at)
  }
  if (bytes === 8) {
    const whole = (big ? payload.readBigUInt64BE(at) : payload.readBigUInt64LE(at)) >> BigInt(shift)
    return Number(kind === 'signed' ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole))
  }
  const whole = big ? payload.readUIntBE(at, bytes) : payload.readUIntLE(at, bytes)
  const number = bits === 32 ? whole : (whole >>> shift) & (2 ** bits - 1)
  return kind === 'signed' && number >= 2 ** (bits - 1) ? number - 2 ** bits : number >>> 0
}

/** Adds the number to the bytes, which are 0 where it goes. @throws Error when it does not fit. */
export function writeNumber(payload: Buffer, at: number, step: Step, value: number): void {
  const { name, bytes, big, kind, bits, shift } = step
  if (kind === 'float') {
    if (bytes === 4) big ? payload.writeFloatBE(value, at) : payload.writeFloatLE(value, at)
    else big ? payload.writeDoubleBE(value, at) : payload.writeDoubleLE(value, at)
    return
  }
  const min = kind === 'signed' ? -(2 ** (bits - 1)) : 0
  const max = 2 ** (kind === 'signed' ? bits - 1 : bits) - 1
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new Error(`struct: ${name} is ${value}, a whole number from ${min} to ${max} wanted`)
  }
  const part = BigInt.asUintN(bits, BigInt(value)) << BigInt(shift)
  for (let i = 0; i < bytes; i++) {
    const place = at + (big ? bytes - 1 - i : i)
    payload[place] = (payload[place] as number) | Number((part >> BigInt(8 * i)) & 0xffn)
  }
}
