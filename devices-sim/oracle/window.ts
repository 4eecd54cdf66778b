/** When a reading may stand in the store, by what the platform could know of its time. */
import type { TimeKnowledge } from '../truth/truth.ts'

/** Between the device's tick and the stored time: our whole milliseconds, and the digits below them that ingest adds. */
export const roundingMs = 1
/** How far the clock of the server may be from that of the simulator, and how long a sent packet may take to begin. */
export const slackMsDefault = 5_000
/** Twice the worst quartz that the platform reckons with. */
export const driftPpm = 200

/** Times of a report, milliseconds since 1970. */
export type ReportTimes = { atMs: number; sentMs: number; ackedMs: number }

/** `ackedMs` is the end of the run where nobody knows. */
export function windowOf(
  { how, resolutionMs }: TimeKnowledge,
  takenMs: number,
  { atMs, sentMs, ackedMs }: ReportTimes,
  slackMs: number,
): [loMs: number, hiMs: number] {
  const offMs = resolutionMs + roundingMs
  if (how === 'exact') return [takenMs - offMs, takenMs + offMs]
  if (how === 'arrival') return [sentMs - slackMs, ackedMs + slackMs]
  const drifted = (Math.max(0, ackedMs - takenMs) * driftPpm) / 1e6
  const underwayMs = Math.max(0, ackedMs - (how === 'age' ? sentMs : atMs))
  return [takenMs - offMs - slackMs - drifted, takenMs + underwayMs + offMs + slackMs + drifted]
}
