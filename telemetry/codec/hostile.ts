/** What tests of codecs throw at them: chance that a printed seed repeats, and payloads that someone has tampered with. */

/** A whole number from 0 up to, but not with, `below`. */
export type Chance = (below: number) => number

export function createChance(seed: number): Chance {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** One of: noise, the payload cut, lengthened, or with a few bytes changed. */
export function tamper(payload: Buffer, chance: Chance): Buffer {
  const noise = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => chance(256)))
  switch (chance(4)) {
    case 0:
      return noise(chance(64))
    case 1:
      return payload.subarray(0, chance(payload.length + 1))
    case 2:
      return Buffer.concat([payload, noise(1 + chance(8))])
    default: {
      const changed = Buffer.from(payload)
      for (let i = 0; i <= chance(4); i++) if (changed.length > 0) changed[chance(changed.length)] = chance(256)
      return changed
    }
  }
}
