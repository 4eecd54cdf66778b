/**
 * A sync costs the same for one record and for a hundred. While records trickle in, a group is held open for a moment, so
 * that several share a sync; a lone record, and a crowd that fills the group anyway, are never held.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '../telemetry/limits.ts'

/** A group of so many records is worth its sync. */
const crowd = 32
/** Records that the second half of a hold must bring on average: senders who wait for us have sent all by then. */
const worth = 0.5
/** Where holding did not pay, it is tried again after so many groups ... */
const triedAgainAfter = 64
/** ... that followed one another so closely. */
const trickleMsMax = 5

/** `count`: records in the group so far. Resolves when the group shall be written. */
export type Hold = (count: () => number) => Promise<void>

export function createHold(): Hold {
  let gain = 0
  let skipped = 0
  let lastAt = 0

  return async (count) => {
    const now = performance.now()
    const isTrickle = now - lastAt < trickleMsMax
    lastAt = now
    if (!isTrickle || count() >= crowd) return
    if (gain < worth && ++skipped < triedAgainAfter) return
    const isTrial = skipped > 0
    skipped = 0
    await sleep(limits.groupHoldMsMax / 2)
    const half = count()
    if (half < crowd) {
      await sleep(limits.groupHoldMsMax / 2)
      const brought = count() - half
      gain = isTrial ? brought : gain + (brought - gain) / 4
    }
    lastAt = performance.now()
  }
}
