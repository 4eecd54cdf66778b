/** From the sensors to the samples of a report, as far as they stand in memory only. */
import type { Value } from '../../telemetry/reading.ts'
import type { Meter } from '../energy/meter.ts'
import type { Sensor } from '../sensor.ts'
import type { TruthSample } from '../truth/truth.ts'
import { Counters } from './counters.ts'
import type { Wire } from './format.ts'

/** `stream`: where it goes, of a format that holds one value; else 0. */
export type SampleGroup = { stream: number; samples: TruthSample[] }

export class Sampler {
  readonly #sensors: Sensor[]
  readonly #wire: Wire
  readonly #meter: Meter
  readonly #counters: Counters
  #samples: TruthSample[] = []

  constructor(sensors: Sensor[], wire: Wire, meter: Meter) {
    this.#sensors = sensors
    this.#wire = wire
    this.#meter = meter
    this.#counters = new Counters(wire.layout.quantities)
  }

  /** Answers whether the report is full. */
  sample(takenAtMs: number): boolean {
    const measured: Value[] = []
    for (const sensor of this.#sensors) measured.push(...sensor.sample(takenAtMs))
    this.#meter.sampled(takenAtMs)
    const { places, said, layout } = this.#wire
    const values = places.map((place, i) => {
      const value = measured[place]
      return said(typeof value === 'number' ? this.#counters.count(i, value) : value, i)
    })
    const isWhole = !values.includes(null)
    // A format of equal distances has no place for a sample that failed, so the report ends there.
    if (layout.isFixed && !isWhole) return true
    if (isWhole || values.some((value) => value !== null)) this.#samples.push({ takenAtMs, values })
    return this.#samples.length >= layout.samplesMax
  }

  /** What was sampled, and is a report from now on; of a format that holds one value, one report for each. */
  take(): SampleGroup[] {
    const samples = this.#samples
    this.#samples = []
    if (samples.length === 0) return []
    if (!this.#wire.layout.isSingle) return [{ stream: 0, samples }]
    return samples.flatMap(({ takenAtMs, values }) =>
      values.flatMap((value, stream) => {
        const only = values.map((_, i) => (i === stream ? value : null))
        return value === null ? [] : { stream, samples: [{ takenAtMs, values: only }] }
      }),
    )
  }

  /** As a boot does: what was sampled is lost. */
  restart(): void {
    this.#samples = []
    this.#counters.restart()
  }
}
