/** Chance that can be repeated: the same seed gives the same fleet, the same rain and the same outages. */

export type Random = {
  /** From 0 up to, but not with, 1. */
  fraction(): number
  between(from: number, to: number): number
  /** A whole number from 0 up to, but not with, `below`. */
  below(below: number): number
  /** Normally distributed around 0 with deviation 1. */
  normal(): number
  exponential(mean: number): number
}

/** mulberry32: 32 bits of state are plenty for signals, and nothing here is a secret. */
class Mulberry32 implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.fraction()
  }

  below(below: number): number {
    return Math.floor(below * this.fraction())
  }

  normal(): number {
    // 1 - fraction() is never 0, so the logarithm stays finite.
    return Math.sqrt(-2 * Math.log(1 - this.fraction())) * Math.cos(2 * Math.PI * this.fraction())
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.fraction())
  }
}

/** One object, since a fleet has some for each device. */
export const createRandom = (seed: number): Random => new Mulberry32(seed)

/** A seed of its own for member `index`, so that adding a device changes none of the others. */
export const memberSeed = (seed: number, index: number): number =>
  Math.floor(createRandom(seed ^ Math.imul(index + 1, 0x9e3779b1)).fraction() * 2 ** 32)
