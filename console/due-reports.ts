/**
 * How many reports were due of a device whose reports carry no sequence: by the interval it promised. Hours are no borders for its
 * reports, so one that is due may come an hour later without being missed, and one that came early stands for the next.
 */

/** `lastsMs`: how much of the hour has passed. */
export type ReceivedHour = { received: number; lastsMs: number }

/** Part of an interval that a report may be behind. */
const lateShare = 0.2
/** Sums of fractions: 6 times a sixth is a little less than 1. */
const almost = 1e-9

/** How many are missing of each hour; hours follow each other without a gap. A report is missed in the hour in which that is sure. */
export function missingByInterval(hours: ReceivedHour[], everyMs: number): number[] {
  let owed = 0
  return hours.map(({ received, lastsMs }) => {
    const due = lastsMs / everyMs
    owed = Math.max(-1, owed + due - received)
    // The hour itself: a report at its end is owed from its beginning.
    const allowed = Math.min(1, lateShare + due)
    if (owed <= allowed + almost) return 0
    const missing = Math.max(1, Math.floor(owed + almost))
    owed -= missing
    return missing
  })
}
