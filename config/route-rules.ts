/** What a text of a route must keep to. Rules: see rules.ts. */
import { compilePath } from '../telemetry/codec/tree-path.ts'
import { durationMs } from '../telemetry/duration.ts'
import { fieldProblem, measurementProblem } from '../telemetry/schema.ts'
import type { Rule } from '../telemetry/settings/text.ts'
import { isTagValue } from '../telemetry/topic.ts'
import { dateMs } from './date.ts'
import { controlCharacter } from './rules.ts'
import { structMember } from './struct-member.ts'

export const measurementRule: Rule = (name) => {
  if (name === '') return ''
  const isPaired = !/[{}]/.test(name.replace(/\{[a-z][a-z0-9_]*\}/g, ''))
  return measurementProblem(name) ?? (isPaired ? null : 'holds a brace that belongs to no {name}')
}

export const fieldNameRule: Rule = (name) => (name === '' ? '' : fieldProblem(name))

export const tagValueRule: Rule = (value) => (isTagValue(value) ? null : '')

export const pathRule: Rule = (path) => {
  try {
    compilePath(path)
    return null
  } catch {
    return ''
  }
}
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
