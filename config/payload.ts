/** What a checked `payload` of the file means: the options of its codec, and which channels it can hold. */
import { type CodecOptions, columnRoles, type StructMember, treeDefaults } from '../telemetry/route.ts'
import type { FileRoute } from './route-schema.ts'
import { structMember } from './struct-member.ts'

/** check() gives every codec its keys. */
export type FilePayload = Exclude<FileRoute['payload'], string>
type TreePayload = Extract<FilePayload, { each: string }>

/** `ruled`: the channels that `fields` names. */
export function codecOptions(payload: FilePayload, ruled: string[]): CodecOptions {
  switch (payload.codec) {
    case 'csv': {
      const { header, ...rest } = payload
      return { ...rest, headerLines: header }
    }
    case 'json':
    case 'cbor':
    case 'msgpack': {
      const { value: _, values: __, ...rest } = payload
      return { ...rest, values: treePaths(payload, ruled) }
    }
    case 'struct':
      return { codec: 'struct', head: members(payload.layout), repeat: members(payload.repeat), step: payload.step }
    default:
      return payload
  }
}

/**
 * What the payload calls its channels, '' the unnamed one; null when only the payload itself tells. The codecs leave out the
 * name of a column or path that is the only one: see channelNamer().
 */
export function knownNames(payload: FilePayload, ruled: string[]): string[] | null {
  switch (payload.codec) {
    case 'value':
    case 'text':
      return ['']
    case 'csv':
      return payload.columns.filter((name) => !isRole(name))
    case 'json':
    case 'cbor':
    case 'msgpack':
      return treePaths(payload, ruled)
    case 'struct':
      return members([...payload.layout, ...payload.repeat]).flatMap(({ name }) => (isRole(name) ? [] : name))
    default:
      return null
  }
}

/** Gives the channel as the codec says it for the name that the file has: '' for the only path or column. */
export function channelNamer(payload: FilePayload, ruled: string[]): (name: string) => string {
  const names = payload.codec === 'csv' || 'each' in payload ? (knownNames(payload, ruled) ?? []) : []
  return (name) => (names.length === 1 && name === names[0] ? '' : name)
}

/** Those that are given, those that the rules are for, or the usual one. */
function treePaths(payload: TreePayload, ruled: string[]): string[] {
  if (payload.values !== undefined) return payload.values
  if (payload.value !== undefined) return [payload.value]
  const named = ruled.filter((channel) => channel !== '')
  return named.length > 0 ? named : treeDefaults.values
}

export const isRole = (name: string): boolean => columnRoles.some((role) => role === name)

/** Only for texts that were checked. */
export const members = (texts: string[]): StructMember[] =>
  texts.map(structMember).filter((member) => typeof member !== 'string')
