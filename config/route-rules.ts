/** What a text of a route must keep to. Rules: see rules.ts. */
import { metaFields, platformMeasurements } from '../telemetry/schema.ts'
import { isTagValue } from '../telemetry/topic.ts'
import { dateMs } from './date.ts'
import { durationMs } from './duration.ts'
import { controlCharacter, type Rule } from './rules.ts'
import { structMember } from './struct-member.ts'

export const measurementRule: Rule = (name) => {
  if (name === '') return ''
  if (controlCharacter.test(name)) return 'holds control characters'
  if (name.startsWith('#')) return 'begins with #, InfluxDB takes such a line for a comment'
  if (name.includes('\\')) return 'holds a backslash'
  if (name.startsWith('_')) return 'begins with _, such names belong to InfluxDB'
  if (platformMeasurements.includes(name)) return 'is where the platform writes its own word on devices'
  if (/[{}]/.test(name.replace(/\{[a-z][a-z0-9_]*\}/g, ''))) return 'holds a brace that belongs to no {name}'
  return null
}

export const fieldNameRule: Rule = (name) => {
  if (name === '') return ''
  if (controlCharacter.test(name)) return 'holds control characters'
  if (name.includes('\\')) return 'holds a backslash'
  if (name.startsWith('_')) return 'begins with _, such names belong to InfluxDB'
  if (name === 'time') return 'is what stores call the time of a point'
  if (metaFields.includes(name)) return 'is where the platform writes how good a time is'
  return null
}

export const tagValueRule: Rule = (value) => (isTagValue(value) ? null : '')

/** As the codecs read them: names with dots between, [0] and [] for arrays, $ for the root. '' is the element itself. */
export const pathRule: Rule = (path) => (/^$|^(\$|[^.[\]]+|\[\d*\])(\.[^.[\]]+|\[\d*\])*$/.test(path) ? null : '')
export const stepRule = (step: number | string) => (typeof step === 'number' ? null : pathRule(step))

/** A digit, sign, point or quote could be a part of a value. */
export const separatorRule: Rule = (text) => (/^[^\w.+"'\r\n-]$/.test(text) ? null : '')
export const columnRule: Rule = (name) => (name === '' || controlCharacter.test(name) ? '' : null)

export const structMemberRule: Rule = (text) => {
  const member = structMember(text)
  return typeof member === 'string' ? member : columnRule(member.name)
}

export const durationRule: Rule = (text) => (durationMs(text) === null ? '' : null)
export const dateRule: Rule = (text) => (dateMs(text) === null ? '' : null)

export const hexRule: Rule = (text) => (/^(\s*[0-9a-f]{2})*\s*$/i.test(text) ? null : '')
export const base64Rule: Rule = (text) => (/^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? null : '')
export const pointLineRule: Rule = (line) => (/^\S.* .*\S$/.test(line) ? null : '')
