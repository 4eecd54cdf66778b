/**
 * Topic patterns: MQTT topic names with named levels, `sensors/{site}/{device}/rainfall`. A level is
 *
 *     text            this text
 *     (a|b)           one of these texts
 *     {name:a|b}      one of these texts, under a name
 *     {name}          any text, under a name
 *     +               any text
 *     #               as the last level: any number of further levels, and none [MQTT 3.1.1 §4.7.1.2]
 *
 * Of several patterns that match a topic the most specific one counts (bySpecificity).
 */
import type { DeviceName } from './device.ts'
import { limits } from './limits.ts'

/** `texts`: what may stand there; null: anything. */
export type TopicLevel = { texts: readonly string[] | null; name: string | null }
/** Which topics a pattern matches. `hasRest`: after the levels any number of others may follow. */
export type TopicShape = { levels: readonly TopicLevel[]; hasRest: boolean }

export type TopicPattern = TopicShape & {
  source: string
  /** The same pattern as an MQTT topic filter; alternatives become +. */
  filter: string
  /** Names of the levels in braces, in order. */
  names: string[]
  /** The values of the named levels, in the order of `names`; null when the topic does not match. */
  match(topic: string): string[] | null
}

const named = /^\{([a-z][a-z0-9_]*)(?::([^{}]+))?\}$/
const alternatives = /^\(([^()]+)\)$/
const special = /[{}+#|]/

const levelWords = 'plain text, a name like {device}, alternatives like (a|b) or {name:a|b}, + or, at the end, #'

/** Why a pattern cannot be used, or null. */
export function topicPatternProblem(source: string): string | null {
  if (source === '') return 'is empty'
  const seen = new Set<string>()
  const sourceLevels = source.split('/')
  for (const [i, level] of sourceLevels.entries()) {
    if (level === '+') continue
    if (level === '#') {
      if (i === sourceLevels.length - 1) continue
      return 'has levels after "#", which can only be the last one'
    }
    const { texts, name } = parseLevel(level)
    if (texts?.some((text) => (text === '' ? texts.length > 1 : special.test(text)))) {
      return `has the level "${level}"; a level is ${levelWords}`
    }
    if (texts !== null && new Set(texts).size < texts.length) return `has an alternative twice in the level "${level}"`
    if (name !== null && seen.has(name)) return `names {${name}} twice`
    if (name !== null) seen.add(name)
  }
  return null
}

function parseLevel(level: string): TopicLevel {
  if (level === '+') return { texts: null, name: null }
  const [isNamed, name, choices = isNamed === undefined ? alternatives.exec(level)?.[1] : undefined] =
    named.exec(level) ?? []
  if (choices !== undefined) return { texts: choices.split('|'), name: name ?? null }
  return name === undefined ? { texts: [level], name: null } : { texts: null, name }
}

/** @throws Error when topicPatternProblem() has something to say. */
export function topicPattern(source: string): TopicPattern {
  const problem = topicPatternProblem(source)
  if (problem !== null) throw new Error(`topic "${source}" ${problem}`)
  const sourceLevels = source.split('/')
  const hasRest = sourceLevels.at(-1) === '#'
  const levels = (hasRest ? sourceLevels.slice(0, -1) : sourceLevels).map(parseLevel)
  const names = levels.flatMap(({ name }) => name ?? [])
  // Wildcards do not reach the topics of the broker itself [MQTT-4.7.2-1].
  const isOpen = isOpenAtStart({ levels, hasRest })
  // Where the named levels begin and end in the topic at hand, so that a topic that does not match costs no memory.
  const cuts = new Array<number>(2 * names.length).fill(0)

  function match(topic: string): string[] | null {
    if (isOpen && topic.startsWith('$')) return null
    let from = 0
    let cut = 0
    for (const { texts, name } of levels) {
      if (from > topic.length) return null
      const slash = topic.indexOf('/', from)
      const to = slash === -1 ? topic.length : slash
      if (texts !== null && !standsThere(texts, topic, from, to)) return null
      if (name !== null) {
        cuts[cut++] = from
        cuts[cut++] = to
      }
      from = to + 1
    }
    if (!hasRest && from <= topic.length) return null
    const values: string[] = []
    for (let i = 0; i < cut; i += 2) values.push(topic.slice(cuts[i], cuts[i + 1]))
    return values
  }

  return { source, filter: filterOf(levels, hasRest), names, levels, hasRest, match }
}

function standsThere(texts: readonly string[], topic: string, from: number, to: number): boolean {
  for (const text of texts) if (text.length === to - from && topic.startsWith(text, from)) return true
  return false
}

function filterOf(levels: readonly TopicLevel[], hasRest: boolean): string {
  const texts = levels.map(({ texts }) => (texts?.length === 1 ? texts[0] : '+'))
  return [...texts, ...(hasRest ? ['#'] : [])].join('/')
}

/** Whether the first level can be anything. */
export const isOpenAtStart = ({ levels, hasRest }: TopicShape): boolean =>
  levels[0] === undefined ? hasRest : levels[0].texts === null

/**
 * Order for sort(): the more specific pattern first. Level by level, the first difference decides: the end of the
 * pattern < a text < alternatives < any text < #. 0: neither is more specific; then no topic should match both.
 */
export function bySpecificity(a: TopicShape, b: TopicShape): number {
  const count = Math.max(a.levels.length, b.levels.length) + 1
  for (let i = 0; i < count; i++) {
    const difference = openness(a, i) - openness(b, i)
    if (difference !== 0) return difference
  }
  return 0
}

function openness({ levels, hasRest }: TopicShape, i: number): number {
  const level = levels[i]
  if (level === undefined) return hasRest && i === levels.length ? 4 : 0
  if (level.texts === null) return 3
  return level.texts.length > 1 ? 2 : 1
}

/** InfluxDB's line protocol has no way to write the others: no empty tag, no line end, no backslash before an escape. */
export function isTagValue(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return value !== '' && !/[\u0000-\u001f\u007f\\]/.test(value)
}

/** Finds site and device in a topic, by the most specific of the patterns that match and name a device; null when none
 * does, or a name is none. */
export function deviceFinder(sources: string[]): (topic: string) => DeviceName | null {
  const patterns = sources.map(topicPattern).filter((pattern) => pattern.names.includes('device'))
  const places = patterns.toSorted(bySpecificity).map((pattern) => ({
    pattern,
    site: pattern.names.indexOf('site'),
    device: pattern.names.indexOf('device'),
  }))
  const find = (topic: string): DeviceName | null => {
    for (const { pattern, site, device } of places) {
      const values = pattern.match(topic)
      if (values === null) continue
      return values.every(isTagValue) ? { site: values[site] ?? '', device: values[device] ?? '' } : null
    }
    return null
  }
  // Most topics come again and again.
  const found = new Map<string, DeviceName | null>()
  return (topic) => {
    const known = found.get(topic)
    if (known !== undefined) return known
    if (found.size >= limits.topicsKnownMax) found.clear()
    const device = find(topic)
    found.set(topic, device)
    return device
  }
}
