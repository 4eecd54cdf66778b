/** What a new configuration of the routes changes, for people; and a name for what it is, for records. */
import { createHash } from 'node:crypto'
import type { FieldRule, Route } from '../telemetry/route.ts'

/**
 * A line for each route that is new (+), gone (-) or another (~), by topic. The order of routes means nothing, since the
 * most specific one wins, and is no difference.
 */
export function routesDifference(before: Route[], after: Route[]): string[] {
  const old = new Map(before.map((route) => [route.topic, route]))
  const topics = new Set(after.map((route) => route.topic))
  const lines = after.flatMap((route) => {
    const previous = old.get(route.topic)
    if (previous === undefined) return `+ ${route.topic}`
    const changes = valueChanges(previous, route)
    return changes.length === 0 ? [] : `~ ${route.topic}: ${changes.join(', ')}`
  })
  return [...lines, ...before.filter(({ topic }) => !topics.has(topic)).map(({ topic }) => `- ${topic}`)]
}

/** Eight hex digits that are the same for routes that do the same. */
export function configVersion(routes: Route[]): string {
  const sorted = routes.toSorted((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0))
  return createHash('sha256')
    .update(JSON.stringify(sorted.map(canonical)))
    .digest('hex')
    .slice(0, 8)
}

/** Keys in the order of the alphabet, bytes as text. */
function canonical(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) return value.map(canonical)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, part]) => [key, canonical(part)]))
}

type Leaf = string | number | boolean | undefined

function valueChanges(before: Route, after: Route): string[] {
  const [old, now] = [leaves(before), leaves(after)]
  return [...new Set([...old.keys(), ...now.keys()])].toSorted().flatMap((path) => {
    const [was, is] = [old.get(path), now.get(path)]
    return was === is ? [] : `${path} ${was ?? 'none'} → ${is ?? 'none'}`
  })
}

/** Every single value of a route by its path: `unit`, `fields[temp].scale`; what says nothing is left out. */
function leaves(route: Route): Map<string, Leaf> {
  const found = new Map<string, Leaf>()
  function walk(value: unknown, path: string): void {
    if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(item, `${path}[${label(path, item) || i}]`)
    else if (value !== null && typeof value === 'object') {
      for (const [key, part] of Object.entries(value)) walk(part, path === '' ? key : `${path}.${key}`)
    } else if (value !== null && value !== '') found.set(path, value as Leaf)
  }
  walk(canonical(route), '')
  return found
}

/** A rule is known by its channel, wherever it stands in the list. */
const label = (path: string, item: unknown): string => (path === 'fields' ? (item as FieldRule).channel : '')
