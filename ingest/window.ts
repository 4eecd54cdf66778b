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

export type Window = {
  get(key: string): number | undefined
  set(key: string, value: number): void
  /** Call it with the position of each record before it is looked at. */
  moveTo(position: number): void
}

export function createWindow(): Window {
  let index = 0
  let before = new Map<string, number>()
  let current = new Map<string, number>()
  return {
    get: (key) => current.get(key) ?? before.get(key),
    set: (key, value) => current.set(key, value),
    moveTo(position) {
      const next = windowOf(position)
      if (next === index) return
      before = next === index + 1 ? current : new Map()
      current = new Map()
      index = next
    },
  }
}
