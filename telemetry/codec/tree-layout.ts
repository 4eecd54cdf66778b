/** A TreeLayout with its paths read, and how a path is followed from an element of the tree. */
import type { TreeLayout } from '../route.ts'
import { compilePath, type Path, walk } from './tree-path.ts'

export type TreePaths = {
  each: Path
  values: Array<{ path: Path; channel: string }>
  /** null: the layout has none. */
  time: Path | null
  step: Path | number | null
  sequence: Path | null
  boot: Path | null
  sent: Path | null
  next: Path | null
}

/** @throws Error for a path that cannot be read */
export function compilePaths(layout: TreeLayout): TreePaths {
  const optional = (text: string) => (text === '' ? null : compilePath(text))
  // A trailing `[]` says that an array is meant; that is found out by looking anyway.
  const each = compilePath(layout.each.endsWith('[]') ? layout.each.slice(0, -2) : layout.each)
  const isOnly = layout.values.length === 1
  return {
    each,
    values: layout.values.map((text) => ({ path: compilePath(text), channel: isOnly ? '' : text })),
    time: optional(layout.time),
    step: typeof layout.step === 'number' ? layout.step : optional(layout.step),
    sequence: optional(layout.sequence),
    boot: optional(layout.boot),
    // Sent by a clock that says only "before now" is now: it tells nothing.
    sent: layout.timeBase === 'now' ? null : optional(layout.sent),
    next: optional(layout.next),
  }
}

/**
 * Where an element's paths begin, and where they are looked for when the element lacks them. `seen`: what was found from
 * the root by paths with `[]`, so that many elements do not walk a long array each.
 */
export type Place = { element: unknown; root: unknown; fallback: unknown; seen: Map<Path, unknown> | null }

function walkFromRoot(path: Path, from: unknown, { seen }: Place): unknown {
  if (!path.hasAll || seen === null) return walk(from, path.steps)
  if (!seen.has(path)) seen.set(path, walk(from, path.steps))
  return seen.get(path)
}

export const find = (path: Path, at: Place) =>
  path.fromRoot ? walkFromRoot(path, at.root, at) : walk(at.element, path.steps)

/** null and undefined are both "not there". */
export function look(path: Path | null, at: Place): unknown {
  if (path === null) return undefined
  return find(path, at) ?? (path.fromRoot ? undefined : walkFromRoot(path, at.fallback, at))
}
