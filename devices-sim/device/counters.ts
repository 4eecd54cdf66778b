/** Counters of the firmware stand in RAM: they begin at 0 with each boot, whatever the sensor has counted before. */
import type { Quantity } from '../sensor.ts'

export class Counters {
  readonly #quantities: Quantity[]
  readonly #last: number[] = []
  readonly #base: number[] = []

  constructor(quantities: Quantity[]) {
    this.#quantities = quantities
  }

  /** Of a quantity that is no counter, the value as it is. */
  count(quantity: number, value: number): number {
    const { kind, counterBits = 16 } = this.#quantities[quantity] as Quantity
    if (kind !== 'counter' || !Number.isFinite(value)) return value
    const span = 2 ** counterBits
    const fell = (this.#last[quantity] ?? 0) - value
    // A sensor that was reset begins at 0; one that wrapped falls by nearly all of its span.
    if (fell > 0 && fell < span / 2) this.#base[quantity] = 0
    this.#last[quantity] = value
    return (value - (this.#base[quantity] ?? 0) + span) % span
  }

  restart(): void {
    for (const [quantity, value] of this.#last.entries()) if (value !== undefined) this.#base[quantity] = value
  }
}
