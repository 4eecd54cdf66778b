/** Numbers for connections. One sequence for all entrances, since what waits for the journal is abandoned by number. */
export type NextEpoch = () => number

/** Unique over restarts as long as fewer than a million are asked for in a second. */
export function createEpochs(): NextEpoch {
  let last = Date.now() * 1000
  return () => ++last
}
