/** How often something has fired lately. Who fires too often gets one alert that stays, instead of many. */
import { limits } from '../../telemetry/limits.ts'

export type Flapping = {
  /** Counts a firing; answers how many there were within the window. */
  fired(key: string, atMs: number): number
  /** Nothing fired within the window before: forgets it. */
  forget(key: string): void
  save(): Array<[key: string, times: number[]]>
}

export function createFlapping(saved: ReadonlyArray<[key: string, times: number[]]>): Flapping {
  const byKey = new Map(saved)
  return {
    fired(key, atMs) {
      const times = (byKey.get(key) ?? []).filter((it) => it > atMs - limits.flapWindowMs)
      times.push(atMs)
      // The title says at most this many.
      if (times.length > limits.flapTimesMax) times.shift()
      byKey.set(key, times)
      return times.length
    },
    forget: (key) => {
      byKey.delete(key)
    },
    save: () => [...byKey],
  }
}
