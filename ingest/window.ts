/**
 * What was seen in the last stretch of the journal. The stretch is counted in journal bytes, not in time, so that what
 * is remembered at a position depends on the journal alone: a replay decides as the first run did.
 *
 *     ├── forgotten ──┼─ one window, before ─┼─ the window being filled ─▶
 */
import { limits } from '../telemetry/limits.ts'

const windowOf = (position: number) => Math.floor(position / limits.duplicateWindowBytes)

/** Where reading must begin so that everything is remembered that counts at `position`. */
export const windowStart = (position: number): number =>
  Math.max(0, windowOf(position) - 1) * limits.duplicateWindowBytes

/** Entries of the window being filled and of the one before. */
export type Generations<Key, Value> = { window: number; before: Map<Key, Value>; current: Map<Key, Value> }

export type Window = {
  /** Call it with the position of each record before it is looked at. True: a new window has begun. */
  moveTo(position: number): boolean
  /** Number of the window being filled. */
  index(): number
  generations<Key, Value>(): Generations<Key, Value>
  get<Key, Value>(entries: Generations<Key, Value>, key: Key): Value | undefined
  set<Key, Value>(entries: Generations<Key, Value>, key: Key, value: Value): void
}

export function createWindow(): Window {
  let index = 0

  /** Entries move on when they are next looked at. */
  function turn<Key, Value>(entries: Generations<Key, Value>): void {
    if (entries.window === index) return
    entries.before = entries.window === index - 1 ? entries.current : new Map()
    entries.current = new Map()
    entries.window = index
  }

  return {
    moveTo(position) {
      const next = windowOf(position)
      if (next === index) return false
      index = next
      return true
    },
    index: () => index,
    generations: () => ({ window: index, before: new Map(), current: new Map() }),
    get(entries, key) {
      turn(entries)
      return entries.current.get(key) ?? entries.before.get(key)
    },
    set(entries, key, value) {
      turn(entries)
      entries.current.set(key, value)
    },
  }
}
