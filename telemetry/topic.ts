/**
 * Topic patterns: MQTT topic names with named levels, `sensors/{site}/{device}/rainfall`. A `+` matches one level
 * without naming it.
 */
import type { DeviceName } from './device.ts'

export type TopicPattern = {
  source: string
  /** The same pattern as an MQTT topic filter. */
  filter: string
  /** Names of the levels in braces, in order. */
  names: string[]
  /** The values of the named levels, in the order of `names`; null when the topic does not match. */
  match(topic: string): string[] | null
}

const named = /^\{([a-z][a-z0-9_]*)\}$/

/** Why a pattern cannot be used, or null. */
export function topicPatternProblem(source: string): string | null {
  if (source === '') return 'is empty'
  const seen = new Set<string>()
  for (const level of source.split('/')) {
    const name = named.exec(level)?.[1]
    if (name === undefined && level !== '+' && /[{}+#]/.test(level)) {
      return `has the level "${level}"; a level is plain text, a name in braces like {device}, or +`
    }
    if (name !== undefined && seen.has(name)) return `names {${name}} twice`
    if (name !== undefined) seen.add(name)
  }
  return null
}

/** @throws Error when topicPatternProblem() has something to say. */
export function topicPattern(source: string): TopicPattern {
  const problem = topicPatternProblem(source)
  if (problem !== null) throw new Error(`topic "${source}" ${problem}`)
  const levels = source.split('/')
  const names = levels.flatMap((level) => named.exec(level)?.[1] ?? [])
  /** null: any level; otherwise the text that must stand there. */
  const wanted = levels.map((level) => (level === '+' || named.test(level) ? null : level))
  const captured = levels.map((level) => named.test(level))
  return {
    source,
    filter: wanted.map((level) => level ?? '+').join('/'),
    names,
    match(topic) {
      const values: string[] = []
      let from = 0
      for (let i = 0; i < wanted.length; i++) {
        const slash = topic.indexOf('/', from)
        const isLast = i === wanted.length - 1
        if (isLast !== (slash === -1)) return null
        const level = isLast ? topic.slice(from) : topic.slice(from, slash)
        if (wanted[i] !== null && wanted[i] !== level) return null
        if (captured[i]) values.push(level)
        from = slash + 1
      }
      return values
    },
  }
}

/** InfluxDB's line protocol has no way to write the others: no empty tag, no line end, no backslash before an escape. */
export function isTagValue(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return value !== '' && !/[\u0000-\u001f\u007f\\]/.test(value)
}

/** Finds site and device in a topic, by the first of the patterns that matches and names a device; null when none does, or a
 * name is none. */
export function deviceFinder(sources: string[]): (topic: string) => DeviceName | null {
  const patterns = sources.map(topicPattern).filter((pattern) => pattern.names.includes('device'))
  const places = patterns.map((pattern) => ({
    pattern,
    site: pattern.names.indexOf('site'),
    device: pattern.names.indexOf('device'),
  }))
  return (topic) => {
    for (const { pattern, site, device } of places) {
      const values = pattern.match(topic)
      if (values === null) continue
      return values.every(isTagValue) ? { site: values[site] ?? '', device: values[device] ?? '' } : null
    }
    return null
  }
}
