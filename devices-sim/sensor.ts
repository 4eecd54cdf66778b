/** What a simulated device can measure. */
import type { Value } from '../telemetry/reading.ts'

export type Quantity = {
  /** What payloads call it; its measurement in the store. */
  channel: string
  /** As a route takes it (telemetry/units.ts). */
  unit: string
  /** Every value is a whole multiple of it; null: text. */
  resolution: number | null
  /**
   * gauge: what is now; increment: what was added since the last sample; counter: a count that wraps at 2^counterBits, of which
   * the store gets what was added, `resolution` each.
   */
  kind: 'gauge' | 'increment' | 'counter' | 'text'
  counterBits?: number
}

/** `sample` is asked with growing times and answers a value of each quantity. A NaN is what a broken sensor says. */
export type Sensor = { quantities: Quantity[]; sample(nowMs: number): Value[] }
