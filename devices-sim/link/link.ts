/**
 * A link that is slow, loses, and is away for a while, by a LinkProfile and a seed. TCP hides a loss, so a loss is a wait: of a
 * second, doubled with each try, as its retransmission timer does [RFC 6298 §5].
 */
import type { LinkProfile } from '../profile.ts'
import type { Random } from '../random.ts'

export type Direction = 'up' | 'down'

export type Outage = {
  fromMs: number
  toMs: number
  /** Nobody is told: neither end learns that what it sends arrives nowhere. */
  isHalfOpen: boolean
}

export type Link = {
  /** When what is handed over now arrives at the other end, order kept in each direction. */
  arrivalMs(direction: Direction, nowMs: number, bytes: number): number
  /** The outage of that time, or null; asked with growing times. */
  outage(nowMs: number): Outage | null
  /** The next outage that begins behind that time; null: there are none. */
  nextOutage(nowMs: number): Outage | null
  /** Silent for longer than this, a connection is forgotten on the way; Infinity: never. */
  readonly natTimeoutMs: number
  /** Whether the firmware sends this publish again, and how much later, ms; null: no. */
  repeatAfterMs(): number | null
}

const rtoMs = 1_000
const triesMax = 6

export const perfectLink: LinkProfile = {
  latencyMs: 0,
  jitterMs: 0,
  bitsPerS: 0,
  goodToBad: 0,
  badToGood: 1,
  lossInBad: 0,
  outageEveryS: 0,
  outageLastsS: 0,
  halfOpen: 0,
  natTimeoutS: 0,
  duplicate: 0,
  delayMsMax: 0,
}

export const isPerfect = (profile: LinkProfile): boolean =>
  (Object.keys(perfectLink) as Array<keyof LinkProfile>).every(
    (key) => key === 'badToGood' || profile[key] === perfectLink[key],
  )

export function createLink(profile: LinkProfile, random: Random, startMs: number): Link {
  const { latencyMs, jitterMs, bitsPerS, goodToBad, badToGood, lossInBad } = profile
  let isBad = false
  const freeMs = { up: startMs, down: startMs }
  const lastMs = { up: startMs, down: startMs }
  let outage = planned(startMs)

  /** Gilbert-Elliott, a step for each packet. */
  function isLost(): boolean {
    isBad = random.fraction() < (isBad ? 1 - badToGood : goodToBad)
    return isBad && random.fraction() < lossInBad
  }

  function planned(behindMs: number): Outage | null {
    if (profile.outageEveryS <= 0) return null
    const fromMs = Math.round(behindMs + random.exponential(profile.outageEveryS * 1000))
    const toMs = fromMs + Math.max(1, Math.round(random.exponential(profile.outageLastsS * 1000)))
    return { fromMs, toMs, isHalfOpen: random.fraction() < profile.halfOpen }
  }

  function nextOutage(nowMs: number): Outage | null {
    while (outage !== null && outage.toMs <= nowMs) outage = planned(outage.toMs)
    return outage
  }

  return {
    natTimeoutMs: profile.natTimeoutS > 0 ? profile.natTimeoutS * 1000 : Infinity,
    arrivalMs(direction, nowMs, bytes) {
      let atMs = Math.max(nowMs, freeMs[direction])
      if (bitsPerS > 0) atMs += (bytes * 8_000) / bitsPerS
      freeMs[direction] = atMs
      atMs += Math.max(0, latencyMs + (jitterMs > 0 ? jitterMs * random.normal() : 0))
      for (let tries = 0; tries < triesMax && isLost(); tries++) atMs += rtoMs * 2 ** tries
      // What was lost holds up what comes behind it.
      lastMs[direction] = Math.max(lastMs[direction], Math.round(atMs))
      return lastMs[direction]
    },
    outage(nowMs) {
      const next = nextOutage(nowMs)
      return next !== null && next.fromMs <= nowMs ? next : null
    },
    nextOutage,
    repeatAfterMs() {
      if (profile.duplicate <= 0 || random.fraction() >= profile.duplicate) return null
      return random.below(profile.delayMsMax + 1)
    },
  }
}
