/**
 * Members of a packed layout as the configuration file writes them: `name:type`, with `be` for big-endian and `/bits`
 * for a part of the value: `time:u32`, `battery:u16be`, `flags:u8/3`. Little-endian is the default, `le` says so.
 */
import { type StructMember, type StructType, structTypes } from '../telemetry/route.ts'
import { nearest } from '../telemetry/settings/problems.ts'

/** The member, or why the text is none: '' when there is nothing to add to what is wanted. */
export function structMember(text: string): StructMember | string {
  const [, name, typeName, order, digits] = /^([^:]+):([a-z]\d+)(be|le)?(?:\/(\d+))?$/.exec(text) ?? []
  if (name === undefined || typeName === undefined) return ''
  const type = structTypes.find((it) => it === typeName)
  if (type === undefined) {
    const near = nearest(typeName, [...structTypes])
    return `has an unknown type, ${near === null ? `known are ${structTypes.join(', ')}` : `did you mean ${near}?`}`
  }
  const bits = digits === undefined ? null : Number(digits)
  if (bits !== null) {
    if (type.startsWith('f')) return 'takes bits of a floating-point number'
    if (bits < 1 || bits > widthOf(type)) return `takes ${bits} bits of ${widthOf(type)}`
  }
  return { name, type, bits, big: order === 'be' }
}

const widthOf = (type: StructType): number => Number(type.slice(1))
