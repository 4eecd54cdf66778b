/** What a text of alerts and notifiers must keep to. Rules: see rules.ts. */
import { durationMs } from '../telemetry/duration.ts'
import type { Rule } from '../telemetry/settings/text.ts'
import { controlCharacter } from './rules.ts'

/** In the order of Date.getUTCDay(). */
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** Names that a template of a notifier may hold in braces. */
export const templateNames = [
  'title',
  'why',
  'severity',
  'value',
  'unit',
  'site',
  'device',
  'rule',
  'since',
  'url',
] as const

/** Days of `mon-fri`, `sat,sun` or `fri-mon,wed`, 0 Sunday to 6, in order; null when they are none. */
export function weekdays(text: string): number[] | null {
  const found = new Set<number>()
  for (const part of text.toLowerCase().split(',')) {
    const [first, last, ...more] = part
      .trim()
      .split('-')
      .map((name) => dayNames.indexOf(name))
    if (first === undefined || first < 0 || last === -1 || more.length > 0) return null
    const end = last ?? first
    for (let day = first; ; day = (day + 1) % dayNames.length) {
      found.add(day)
      if (day === end) break
    }
  }
  return [...found].toSorted()
}

/** Minute of the day of `08:00`, to `24:00`; null when it is none. */
export function minuteOfDay(text: string): number | null {
  const [, hours, minutes] = /^(\d{2}):([0-5]\d)$/.exec(text) ?? []
  const minute = Number(hours) * 60 + Number(minutes)
  return minute <= 24 * 60 ? minute : null
}

export const daysRule: Rule = (text) => (weekdays(text) === null ? '' : null)
export const clockRule: Rule = (text) => (minuteOfDay(text) === null ? '' : null)
export const durationOrNoneRule: Rule = (text) => (durationMs(text) === null ? '' : null)

/** A name, or with `*` a part of one. */
export const nameFilterRule: Rule = (text) => (/[/+#]/.test(text) || controlCharacter.test(text) ? '' : null)

/** Where the page is reached from outside; '' when nobody has said. */
export const publicUrlRule: Rule = (text) => {
  if (text === '') return null
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return ''
  const { username, password, search, hash } = new URL(text)
  if (username !== '' || password !== '') return 'holds a user name or password, which everybody who is told could read'
  return search !== '' || hash !== '' ? 'goes on after the path, leave out everything from ? or # on' : null
}

export const webhookRule: Rule = (text) => (/^https?:\/\/./i.test(text) && URL.canParse(text) ? null : '')
export const smtpRule: Rule = (text) =>
  /^smtps?:\/\/./i.test(text) && URL.canParse(text) && new URL(text).hostname !== '' ? null : ''
/** An address as a mail carries it: `a@b` or `Name <a@b>`, and nothing that begins another header. */
export const mailRule: Rule = (text) =>
  /^([^<>@\p{Cc}]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/u.test(text) ? null : ''
/** Whom a push service can turn to [RFC 8292 §2.1]. */
export const contactRule: Rule = (text) =>
  (/^mailto:[^@\s]+@[^@\s]+$/.test(text) || /^https:\/\/./.test(text)) && URL.canParse(text) ? null : ''

export const alertTopicRule: Rule = (text) => {
  if (text === '' || controlCharacter.test(text)) return ''
  if (/[+#]/.test(text)) return 'holds + or #'
  return text.startsWith('$') ? 'begins with $, such topics belong to the broker' : null
}

export const templateRule: Rule = (text) => {
  const known: readonly string[] = templateNames
  const unknown = [...text.matchAll(/\{([a-z]+)\}/g)].map((found) => found[1] ?? '').find((it) => !known.includes(it))
  const names = known.map((name) => `{${name}}`).join(', ')
  return unknown === undefined ? null : `holds {${unknown}}, known are ${names}`
}
