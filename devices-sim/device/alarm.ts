/** One entry in the clock for all that a device has to do: a later wish leaves it where it is, and it rings once too often. */
import type { SimClock } from '../sim-clock.ts'

export class Alarm {
  readonly #clock: SimClock
  readonly #ring: () => void
  #atMs = Infinity
  #forget: (() => void) | null = null

  constructor(clock: SimClock, ring: () => void) {
    this.#clock = clock
    this.#ring = () => {
      this.#atMs = Infinity
      this.#forget = null
      ring()
    }
  }

  /** Infinity: nothing is due. */
  at(timeMs: number): void {
    if (timeMs >= this.#atMs) return
    this.#forget?.()
    this.#atMs = timeMs
    this.#forget = this.#clock.at(timeMs, this.#ring)
  }

  off(): void {
    this.#forget?.()
    this.#forget = null
    this.#atMs = Infinity
  }
}
