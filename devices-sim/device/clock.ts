/** What a device takes for the time of day. Right, until it is lost (it counts from 1970 then) or runs too fast or too slow. */

export class OwnClock {
  /** Times of two settings cannot be compared. */
  setting = 0
  #lostAtMs: number | null = null
  #ppm = 0
  #skewFromMs = 0

  get isSet(): boolean {
    return this.#lostAtMs === null
  }

  unixMs(nowMs: number): number {
    if (this.#lostAtMs !== null) return nowMs - this.#lostAtMs
    return nowMs + Math.round((nowMs - this.#skewFromMs) * this.#ppm * 1e-6)
  }

  lose(nowMs: number): void {
    this.#lostAtMs = nowMs
    this.setting++
  }

  skew(nowMs: number, ppm: number): void {
    this.#ppm = ppm
    this.#skewFromMs = nowMs
    this.setting++
  }

  /** By the network, as after a loss or a skew. */
  set(): void {
    this.#lostAtMs = null
    this.#ppm = 0
    this.setting++
  }
}
