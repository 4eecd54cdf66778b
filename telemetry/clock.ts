/** Time comes by parameter, so that tests can hold it. */
export type Clock = { nowMs(): number }
/** Milliseconds since some moment: for durations, never set back or forward. */
export const steadyClock: Clock = { nowMs: () => performance.now() }
export const systemClock: Clock = { nowMs: () => Date.now() }
