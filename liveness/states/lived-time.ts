/**
 * The clock by which devices are due: the receive times of the journal, less what the journal did not witness. While Dewpoint runs and
 * anybody is due, some record comes at least every heartbeat (a `tick` where nothing else does). So a longer gap between two records is a
 * clock that was set forward, a machine that slept, or a journal that took nothing: no device could have been heard in it, and it
 * counts against none, like our own downtime. One journal gives one history, whenever it is read.
 */
import { limits } from '../../telemetry/limits.ts'

export type LivedTime = {
  /** To the time of a record, whole milliseconds; answers lived time. `isStart`: we were away until now. */
  move(atMs: number, isStart: boolean): number
  /** Lived time of the last record. */
  now(): number
  /** Lived time as milliseconds since 1970. */
  toMs(lived: number): number
  save(): SavedTime
}

/** `lastMs`: of the last record; null: there was none. */
export type SavedTime = { lastMs: number | null; skippedMs: number }

/** `graceMs`: what devices get on top of our absence to come back. */
export function createLivedTime(saved: SavedTime, graceMs: number): LivedTime {
  let { lastMs, skippedMs } = saved
  return {
    move(atMs, isStart) {
      // The journal's times grow; those of a journal from another life of the folder may be older.
      const gapMs = lastMs === null ? 0 : Math.max(0, atMs - lastMs)
      if (isStart || gapMs > limits.unwitnessedMsMax) skippedMs += gapMs + graceMs
      lastMs = Math.max(atMs, lastMs ?? atMs)
      return lastMs - skippedMs
    },
    now: () => (lastMs ?? 0) - skippedMs,
    toMs: (lived) => lived + skippedMs,
    save: () => ({ lastMs, skippedMs }),
  }
}
