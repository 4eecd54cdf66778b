/** Why a topic matches no route, for people: the level that stands in the way of each. Pure. */
import type { Route } from '../telemetry/route.ts'
import { type TopicPattern, topicPattern } from '../telemetry/topic.ts'

/** `topic`: the route's pattern. */
export type NearMiss = { topic: string; why: string }

/**
 * The routes that do not match the topic, the nearest first: fewest levels that differ, then the differing level that
 * looks most alike, then the order given.
 */
export function nearestRoutes(routes: ReadonlyArray<Pick<Route, 'topic'>>, topic: string): NearMiss[] {
  const misses = routes.flatMap((route) => {
    const pattern = topicPattern(route.topic)
    return pattern.match(topic) === null ? [{ topic: route.topic, ...compare(pattern, topic.split('/')) }] : []
  })
  const sorted = misses.toSorted((a, b) => a.differing - b.differing || b.alike - a.alike)
  return sorted.map(({ topic, why }) => ({ topic, why }))
}

function compare({ source, levels, hasRest }: TopicPattern, given: string[]) {
  const wanted = source.split('/')
  const length = hasRest ? levels.length : Math.max(levels.length, given.length)
  const differing: number[] = []
  for (let i = 0; i < length; i++) {
    const [level, text] = [levels[i], given[i]]
    const fits = level !== undefined && text !== undefined && (level.texts?.includes(text) ?? true)
    if (!fits) differing.push(i)
  }
  const [first] = differing
  // Every level fits, and yet: wildcards do not reach the topics of the broker itself.
  if (first === undefined) return { why: 'begins with $, such topics belong to the broker', differing: 0, alike: 0 }
  const more = differing.length > 1 ? ` (${differing.length} levels differ)` : ''
  const text = given[first]
  return {
    why: `${describe(first + 1, levels[first] && wanted[first], text)}${more}`,
    differing: differing.length,
    alike: Math.max(0, ...(levels[first]?.texts ?? []).map((it) => alike(it, text ?? ''))),
  }
}

function describe(level: number, wanted: string | undefined, given: string | undefined): string {
  if (given === undefined) return `ends before level ${level}, ${JSON.stringify(wanted)} wanted`
  if (wanted === undefined) return `goes on at level ${level} with ${JSON.stringify(given)}, nothing more wanted`
  const capitals = wanted.toLowerCase() === given.toLowerCase() ? ', capitals count' : ''
  const is = given === '' ? 'empty' : JSON.stringify(given)
  return `level ${level} is ${is}, ${JSON.stringify(wanted)} wanted${capitals}`
}

/** How many characters two levels have in common at their beginning and end. */
function alike(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  let head = 0
  while (head < length && a[head] === b[head]) head++
  let tail = 0
  while (tail < length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  return head + tail
}
