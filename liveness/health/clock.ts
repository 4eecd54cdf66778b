/** A device's clock: how far it is off, and how fast it drifts since somebody set it last. */

/** Saved as it is. */
export type DeviceClock = { errorMs: number; atMs: number; setErrorMs: number; setAtMs: number }

/** A change beyond what any quartz drifts in the time, and this, is somebody who set the clock. */
const setMs = 2_000
const driftPpmMax = 500
/** Drift of a shorter time is the noise of the network. */
const driftAfterMs = 6 * 3_600_000

export function takeClock(known: DeviceClock | null, errorMs: number, atMs: number): DeviceClock {
  if (known === null) return { errorMs, atMs, setErrorMs: errorMs, setAtMs: atMs }
  const drifted = Math.abs(errorMs - known.errorMs)
  const isSet = drifted > setMs + ((atMs - known.atMs) * driftPpmMax) / 1e6
  if (isSet) return { errorMs, atMs, setErrorMs: errorMs, setAtMs: atMs }
  return { ...known, errorMs, atMs }
}

/** Parts per million, above 0: its error grows; null: it runs for too short a time. */
export function driftPpm({ errorMs, atMs, setErrorMs, setAtMs }: DeviceClock): number | null {
  const sinceMs = atMs - setAtMs
  return sinceMs < driftAfterMs ? null : ((errorMs - setErrorMs) / sinceMs) * 1e6
}
