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
      return { ...rest, values: treeChannels(payload, ruled) }
    }
    case 'struct':
      return { codec: 'struct', head: members(payload.layout), repeat: members(payload.repeat), step: payload.step }
    default:
      return payload
  }
}

/** Channels that the payload can hold, '' the unnamed one; null when only the payload itself tells. */
export function knownChannels(payload: FilePayload, ruled: string[]): string[] | null {
  switch (payload.codec) {
    case 'value':
    case 'text':
      return ['']
    case 'csv':
      return payload.columns.filter((name) => !isRole(name))
    case 'json':
    case 'cbor':
    case 'msgpack':
      return treeChannels(payload, ruled)
    case 'struct':
      return members([...payload.layout, ...payload.repeat]).flatMap(({ name }) => (isRole(name) ? [] : name))
    default:
      return null
  }
}

/** The path of the value of a tree that is said to hold one only: in the file this channel needs no name. */
export function loneChannel(payload: FilePayload, ruled: string[]): string | null {
  if (!('each' in payload) || payload.values !== undefined) return null
  const isNamed = ruled.some((channel) => channel !== '')
  return payload.value ?? (isNamed ? null : (treeDefaults.values[0] ?? null))
}

function treeChannels(payload: TreePayload, ruled: string[]): string[] {
  const lone = loneChannel(payload, ruled)
  return lone === null ? (payload.values ?? ruled.filter((channel) => channel !== '')) : [lone]
}

export const isRole = (name: string): boolean => columnRoles.some((role) => role === name)

/** Only for texts that were checked. */
export const members = (texts: string[]): StructMember[] =>
  texts.map(structMember).filter((member) => typeof member !== 'string')
