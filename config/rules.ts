/** What a text must keep to beyond being a text. */
import { durationMs } from '../telemetry/duration.ts'
import { limits } from '../telemetry/limits.ts'
import { deviceTag } from '../telemetry/schema.ts'
import type { Rule } from '../telemetry/settings/text.ts'
import { topicPattern, topicPatternProblem } from '../telemetry/topic.ts'
import { httpAddress, listenAddress, sourceAddress } from './address.ts'
import { journalBytesMin, sizeBytes, sizeText } from './size.ts'

export const controlCharacter = /\p{Cc}/u

export const anyTextRule: Rule = (value) => (value === '' ? '' : null)
export const listenAddressRule: Rule = (value) => (listenAddress(value) === null ? '' : null)
/** Of something that is waited for. */
export const durationRule: Rule = (value) => ((durationMs(value) ?? 0) < 1000 ? '' : null)
/** As browsers write it: scheme and host, no path. */
export const originRule: Rule = (value) => (URL.canParse(value) && new URL(value).origin === value ? null : '')
export const sourceAddressRule: Rule = (value) => (sourceAddress(value) === null ? '' : null)
export const httpAddressRule: Rule = (value) => (httpAddress(value) === null ? '' : null)
/** A token becomes an HTTP header; a line end at its end is what is left over from reading it out of a file. */
export const tokenRule: Rule = (value) => (/^[\x21-\x7e]+$/.test(value) ? null : '')

export const topicRule: Rule = (source) => {
  const problem = topicPatternProblem(source)
  if (problem !== null) return problem
  const { names } = topicPattern(source)
  if (!names.includes(deviceTag)) return `names no level {${deviceTag}}`
  // InfluxDB discards every point that has a tag of this name.
  if (names.includes('time')) return 'names a level {time}, but no tag can have this name'
  if (source.startsWith('$')) return 'begins with $, such topics belong to the broker'
  return topicTextProblem(source)
}

/** Of a rule of access. */
export const accessTopicRule: Rule = (source) => {
  const problem = topicPatternProblem(source)
  if (problem !== null) return problem
  if (source.startsWith('$')) return 'begins with $, such topics belong to the broker'
  return topicTextProblem(source)
}

/** A random text; shorter ones could be found from the password of one device. */
export const derivedKeyRule: Rule = (key) => (/^[\x21-\x7e]{32,}$/.test(key) ? null : '')

/** The topic of a message. */
export const topicNameRule: Rule = (topic) => {
  if (topic === '') return ''
  if (/[+#]/.test(topic)) return 'holds + or #'
  return topicTextProblem(topic)
}

/** An MQTT topic filter [MQTT 3.1.1 §4.7.1]. */
export const topicFilterRule: Rule = (filter) => {
  if (filter === '') return ''
  if (filter.startsWith('$share/')) return 'asks for a shared subscription, give the name of the group as share'
  const levels = filter.split('/')
  if (levels.some((level) => level.includes('+') && level !== '+')) return 'has a + that is not a level of its own'
  if (levels.some((level, i) => level.includes('#') && (level !== '#' || i < levels.length - 1))) {
    return 'has a # that is not the last level'
  }
  return topicTextProblem(filter)
}

function topicTextProblem(text: string): string | null {
  if (controlCharacter.test(text)) return 'holds control characters'
  if (Buffer.byteLength(text) > limits.topicBytesMax) return `is longer than ${limits.topicBytesMax} bytes`
  return null
}

/** One level of a topic: it stands in $share/GROUP/FILTER. */
export const shareRule: Rule = (group) =>
  group === '' || /[/+#]/.test(group) || controlCharacter.test(group) ? '' : null

export const clientIdRule: Rule = (id) => {
  if (id === '') return ''
  if (controlCharacter.test(id)) return 'holds control characters'
  return Buffer.byteLength(id) > limits.clientIdBytesMax ? `is longer than ${limits.clientIdBytesMax} bytes` : null
}

export const linkRule: Rule = (text) => {
  if (!URL.canParse(text)) return ''
  const url = new URL(text)
  if (!/^https?:$/.test(url.protocol)) return ''
  if (url.username !== '' || url.password !== '') return 'holds a user name or password, InfluxDB wants store.token'
  if (url.search !== '' || url.hash !== '') return 'goes on after the path, leave out everything from ? or # on'
  // The client adds these itself; twice, they are a 404 on every write.
  if (/\/api\/v2(\/|$)/.test(url.pathname)) return 'holds the path of the API, leave out everything from /api/v2 on'
  return null
}

/** Without trailing slashes, so that a path can be added. */
export function linkText(text: string): string {
  const url = new URL(text)
  return url.origin + url.pathname.replace(/\/+$/, '')
}

/** For whole numbers of bytes too. */
export function sizeRule(value: number | string): string | null {
  const bytes = sizeBytes(value)
  if (bytes === null) return ''
  return bytes < journalBytesMin ? `is less than the minimum of ${sizeText(journalBytesMin)}` : null
}
