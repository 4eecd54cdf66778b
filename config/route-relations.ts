/** What must hold between the values of one route. */
import type { FieldType } from '../telemetry/point.ts'
import { channelPlaceholder, deviceTag, placeholdersOf, siteTag, takesChannel } from '../telemetry/schema.ts'
import { type Sound, whole } from '../telemetry/settings/check.ts'
import { below, type Problems, type ProblemsBelow } from '../telemetry/settings/problems.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { dateMs } from './date.ts'
import { channelNamer, type FilePayload, knownNames } from './payload.ts'
import { checkPayload } from './payload-relations.ts'
import type { FileRoute } from './route-schema.ts'

type SoundRoute = Sound<FileRoute>
type SoundRule = NonNullable<NonNullable<SoundRoute['fields']>[number]>

/** @param all of the file; @param path of the route: `routes[0]` */
export function checkRoute(route: SoundRoute, all: Problems, path: string): void {
  const problems = below(all, path)
  const typeDefault = typeof route.payload === 'object' && route.payload.codec === 'text' ? 'string' : 'float'
  const payload = whole<FileRoute['payload']>(route.payload)
  const ruled = whole<string[]>(route.fields?.map((rule) => rule?.channel))
  if (payload !== null && typeof payload !== 'string') {
    checkPayload(payload, problems)
    if (ruled !== null) {
      checkChannels(payload, ruled, problems)
      checkMeasured(route, payload, ruled, problems)
    }
  }
  checkNames(route, problems)
  for (const [i, rule] of (route.fields ?? []).entries()) {
    if (rule !== undefined) checkRule(rule, typeDefault, `fields[${i}]`, problems)
  }
  checkCalibration(route, problems)
  checkExamples(route, problems)
}

function checkNames(route: SoundRoute, problems: ProblemsBelow): void {
  if (route.topic === undefined) return
  const { names } = topicPattern(route.topic)
  const known = [...names, channelPlaceholder]
  const measurements = (route.fields ?? []).map((rule, i) => [`fields[${i}].measurement`, rule?.measurement] as const)
  for (const [key, measurement] of [['measurement', route.measurement] as const, ...measurements]) {
    const unknown = placeholdersOf(measurement ?? '').find((name) => !known.includes(name))
    if (unknown === undefined) continue
    const which = problems.isShown(key) ? ` {${unknown}}` : ''
    const wanted = problems.isShown('topic') ? `, known are ${known.map((name) => `{${name}}`).join(', ')}` : ''
    problems.add(key, `names a level${which} that the topic does not have${wanted}`)
  }
  for (const tag of Object.keys(route.tags ?? {})) {
    if (names.includes(tag)) problems.add(`tags.${tag}`, `is a level {${tag}} of the topic already`)
    else if (tag === siteTag || tag === deviceTag)
      problems.add(`tags.${tag}`, 'can only come from a level of the topic')
    else if (tag === 'time') problems.add(`tags.${tag}`, 'is given, but no tag can have this name')
  }
}

/** Each rule is for a channel of its own, which the payload can hold. */
function checkChannels(payload: FilePayload, ruled: string[], problems: ProblemsBelow): void {
  const channelOf = channelNamer(payload, ruled)
  const channels = ruled.map(channelOf)
  const names = knownNames(payload, ruled)
  const known = names?.map(channelOf)
  for (const [i, channel] of channels.entries()) {
    const key = `fields[${i}].channel`
    const given = problems.given(key, ruled[i] ?? '')
    const first = channels.indexOf(channel)
    if (first < i) problems.add(key, `${given} has a rule already, fields[${first}]`)
    if (payload.codec === 'packed' && !isPackedChannel(channel)) {
      problems.add(key, `${given} given, a number from 0 to 255 wanted`)
    }
    if (known === undefined || known.includes(channel)) continue
    const isShown = problems.isAllShown('payload') && problems.isAllShown('fields')
    const choice = isShown ? `one of ${names?.map((name) => JSON.stringify(name)).join(', ')}` : 'one of the payload'
    problems.add(key, `${given} given, ${choice} wanted`)
  }
  if (payload.codec === 'packed' && ruled.length === 0) {
    problems.add('fields', 'are not given, but packed knows channels by number only: a rule for each wanted')
  }
}

/** A payload with one channel only leaves out its name, so that no measurement can be called after it. */
function checkMeasured(route: SoundRoute, payload: FilePayload, ruled: string[], problems: ProblemsBelow): void {
  if (route.topic === undefined || route.measurement === undefined) return
  if (!takesChannel(route.measurement, topicPattern(route.topic).names)) return
  const known = knownNames(payload, ruled)?.map(channelNamer(payload, ruled))
  const isElsewhere = route.fields?.some((rule) => rule !== undefined && 'measurement' in rule)
  if (known?.length !== 1 || known[0] !== '' || isElsewhere) return
  problems.add('measurement', `takes {${channelPlaceholder}} from the payload, which has one channel without a name`)
}

const isPackedChannel = (channel: string): boolean =>
  /^\d{1,3}$/.test(channel) && String(Number(channel)) === channel && Number(channel) <= 255

function checkRule(rule: SoundRule, typeDefault: FieldType, key: string, problems: ProblemsBelow): void {
  const type = 'type' in rule ? rule.type : typeDefault
  const isNumber = type === 'float' || type === 'integer'
  if (type !== undefined && !isNumber) {
    if (rule.counter !== undefined) problems.add(`${key}.counter`, `is for numbers, the field is a ${type}`)
    if (rule.range !== undefined) problems.add(`${key}.range`, `is for numbers, the field is a ${type}`)
    if (isScaled(rule)) problems.add(`${key}.scale`, `and offset are for numbers, the field is a ${type}`)
  } else if (rule.counter !== undefined && isScaled(rule)) {
    problems.add(`${key}.scale`, 'and offset do not go with a counter, counter.per says what one count is worth')
  }
  const [lowest, highest] = rule.range ?? []
  if (lowest !== undefined && highest !== undefined && lowest > highest) {
    problems.add(`${key}.range`, `[${lowest}, ${highest}] is reversed, [lowest, highest] wanted`)
  }
}

const isScaled = ({ scale, offset }: SoundRule): boolean => (scale ?? 1) !== 1 || (offset ?? 0) !== 0

/** Of two calibrations that begin at once neither is the later one. */
function checkCalibration(route: SoundRoute, problems: ProblemsBelow): void {
  const begun = new Map<string, number>()
  for (const [i, sound] of (route.calibration ?? []).entries()) {
    const it = whole<FileRoute['calibration'][number]>(sound)
    if (it === null) continue
    const identity = JSON.stringify([it.device, it.site, it.channel, dateMs(it.from)])
    const first = begun.get(identity)
    if (first === undefined) begun.set(identity, i)
    else problems.add(`calibration[${i}].from`, `is when calibration[${first}] of the same device and channel begins`)
  }
}

function checkExamples(route: SoundRoute, problems: ProblemsBelow): void {
  const pattern = route.topic === undefined ? null : topicPattern(route.topic)
  for (const [i, example] of (route.examples ?? []).entries()) {
    if (example === undefined) continue
    const forms = ['payload', 'hex', 'base64'].filter((form) => form in example)
    if (forms.length !== 1) {
      const which = forms.length === 0 ? 'no payload' : forms.join(' and ')
      problems.add(`examples[${i}]`, `${which} given, one of payload, hex and base64 wanted`)
    }
    const key = `examples[${i}].topic`
    if (example.topic !== undefined && pattern?.match(example.topic) === null) {
      problems.add(key, `${problems.given(key, example.topic)} is no topic of this route`)
    }
  }
}
