/** Numbers for connections. One sequence for all entrances, since what waits for the journal is abandoned by number. */
export type NextEpoch = () => number

/** Unique over restarts as long as fewer than a million are asked for in a second. `startMs`: since 1970. */
export function createEpochs(startMs = Date.now()): NextEpoch {
  let last = startMs * 1000
  return () => ++last
}
