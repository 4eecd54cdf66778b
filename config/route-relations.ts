/** What must hold between the values of one route. */

import type { FieldType } from '../telemetry/point.ts'
import { channelPlaceholder, deviceTag, placeholdersOf, siteTag } from '../telemetry/schema.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { type Sound, whole } from './check.ts'
import { dateMs } from './date.ts'
import { knownChannels, loneChannel } from './payload.ts'
import { checkPayload } from './payload-relations.ts'
import type { Problems } from './problems.ts'
import type { FileRoute } from './route-schema.ts'

type SoundRoute = Sound<FileRoute>
type SoundRule = NonNullable<NonNullable<SoundRoute['fields']>[number]>
/** Reports at a key of the route: `fields[0].range`. */
export type Report = (key: string, text: string) => void

/** How a problem may speak of the value of such a key. */
export type Given = (key: string, value: string) => string

/** @param path of the route: `routes[0]` */
export function checkRoute(route: SoundRoute, path: string, problems: Problems): void {
  const report: Report = (key, text) => problems.add(`${path}.${key}`, text)
  const given: Given = (key, value) => problems.given(`${path}.${key}`, value, false)
  const typeDefault = typeof route.payload === 'object' && route.payload.codec === 'text' ? 'string' : 'float'
  const payload = whole<FileRoute['payload']>(route.payload)
  if (payload !== null && typeof payload !== 'string') checkPayload(payload, report, given)
  checkNames(route, report, (key) => problems.isShown(`${path}.${key}`))
  checkChannels(route, report, given)
  for (const [i, rule] of (route.fields ?? []).entries()) {
    if (rule !== undefined) checkRule(rule, typeDefault, `fields[${i}]`, report)
  }
  checkCalibration(route, report)
  checkExamples(route, report, given)
}

function checkNames(route: SoundRoute, report: Report, isShown: (key: string) => boolean): void {
  if (route.topic === undefined) return
  const { names } = topicPattern(route.topic)
  const known = [...names, channelPlaceholder]
  const measurements = (route.fields ?? []).map((rule, i) => [`fields[${i}].measurement`, rule?.measurement] as const)
  for (const [key, measurement] of [['measurement', route.measurement] as const, ...measurements]) {
    const unknown = placeholdersOf(measurement ?? '').find((name) => !known.includes(name))
    if (unknown === undefined) continue
    const which = isShown(key) ? ` {${unknown}}` : ''
    const wanted = isShown('topic') ? `, known are ${known.map((name) => `{${name}}`).join(', ')}` : ''
    report(key, `names a level${which} that the topic does not have${wanted}`)
  }
  for (const tag of Object.keys(route.tags ?? {})) {
    if (names.includes(tag)) report(`tags.${tag}`, `is a level {${tag}} of the topic already`)
    else if (tag === siteTag || tag === deviceTag) report(`tags.${tag}`, 'can only come from a level of the topic')
    else if (tag === 'time') report(`tags.${tag}`, 'is given, but no tag can have this name')
  }
}

/** Each rule is for a channel of its own, which the payload can hold. */
function checkChannels(route: SoundRoute, report: Report, given: Given): void {
  const ruled = whole<string[]>(route.fields?.map((rule) => rule?.channel))
  if (ruled === null) return
  for (const [i, channel] of ruled.entries()) {
    const first = ruled.indexOf(channel)
    const key = `fields[${i}].channel`
    if (first < i) report(key, `${given(key, channel)} has a rule already, fields[${first}]`)
  }
  const payload = whole<FileRoute['payload']>(route.payload)
  if (payload === null || typeof payload === 'string') return
  const known = knownChannels(payload, ruled)
  if (known === null) return
  for (const [i, channel] of ruled.entries()) {
    if (known.includes(channel) || (channel === '' && loneChannel(payload, ruled) !== null)) continue
    const key = `fields[${i}].channel`
    const names = known.filter((name) => name !== '').map((name) => JSON.stringify(name))
    const wanted =
      names.length === 0 ? 'the payload holds one channel without a name' : `one of ${names.join(', ')} wanted`
    report(key, `${given(key, channel)} given, ${wanted}`)
  }
}

function checkRule(rule: SoundRule, typeDefault: FieldType, key: string, report: Report): void {
  const type = 'type' in rule ? rule.type : typeDefault
  const isNumber = type === 'float' || type === 'integer'
  if (type !== undefined && !isNumber) {
    if (rule.counter !== undefined) report(`${key}.counter`, `is for numbers, the field is a ${type}`)
    if (rule.range !== undefined) report(`${key}.range`, `is for numbers, the field is a ${type}`)
    if (isScaled(rule)) report(`${key}.scale`, `and offset are for numbers, the field is a ${type}`)
  } else if (rule.counter !== undefined && isScaled(rule)) {
    report(`${key}.scale`, 'and offset do not go with a counter, counter.per says what one count is worth')
  }
  const [lowest, highest] = rule.range ?? []
  if (lowest !== undefined && highest !== undefined && lowest > highest) {
    report(`${key}.range`, `[${lowest}, ${highest}] is reversed, [lowest, highest] wanted`)
  }
}

const isScaled = ({ scale, offset }: SoundRule): boolean => (scale ?? 1) !== 1 || (offset ?? 0) !== 0

/** Of two calibrations that begin at once neither is the later one. */
function checkCalibration(route: SoundRoute, report: Report): void {
  const begun = new Map<string, number>()
  for (const [i, sound] of (route.calibration ?? []).entries()) {
    const it = whole<FileRoute['calibration'][number]>(sound)
    if (it === null) continue
    const identity = JSON.stringify([it.device, it.site, it.channel, dateMs(it.from)])
    const first = begun.get(identity)
    if (first === undefined) begun.set(identity, i)
    else report(`calibration[${i}].from`, `is when calibration[${first}] of the same device and channel begins`)
  }
}

function checkExamples(route: SoundRoute, report: Report, given: Given): void {
  const pattern = route.topic === undefined ? null : topicPattern(route.topic)
  for (const [i, example] of (route.examples ?? []).entries()) {
    if (example === undefined) continue
    const forms = ['payload', 'hex', 'base64'].filter((form) => form in example)
    if (forms.length !== 1) {
      const which = forms.length === 0 ? 'no payload' : forms.join(' and ')
      report(`examples[${i}]`, `${which} given, one of payload, hex and base64 wanted`)
    }
    const key = `examples[${i}].topic`
    if (example.topic !== undefined && pattern?.match(example.topic) === null) {
      report(key, `${given(key, example.topic)} is no topic of this route`)
    }
  }
}
