/** Time comes by parameter, so that tests can hold it. */
export type Clock = { nowMs(): number }
export const systemClock: Clock = { nowMs: () => Date.now() }
