/**
 * What goes wrong with sensors in the field. What the device says is the truth of a run, so faults only shape values: they stay whole
 * multiples of the resolution, and counters wrap where they did.
 */
import type { Value } from '../../telemetry/reading.ts'
import type { FaultName, FaultPlan } from '../profile.ts'
import type { Random } from '../random.ts'
import type { Quantity, Sensor } from '../sensor.ts'
import { createEpisodes } from './episodes.ts'
import { stepsOf } from './rounding.ts'

export const sensorFaults = ['stuck', 'spike', 'drift', 'gain', 'counter-reset'] as const satisfies FaultName[]
type SensorFault = (typeof sensorFaults)[number]
type SensorPlan = FaultPlan & { fault: SensorFault }

export const isSensorFault = (plan: FaultPlan): plan is SensorPlan =>
  (sensorFaults as readonly FaultName[]).includes(plan.fault)

/** Of a sensor's samples, what comes out while the fault is there; `beganMs` null: it is not. */
type Shape = (nowMs: number, beganMs: number | null, values: Value[]) => Value[]

const hourMs = 3_600_000

/** Shapes the numbers of these kinds, and leaves what the converter can say. */
function eachNumber(
  quantities: Quantity[],
  kinds: Array<Quantity['kind']>,
  shape: (value: number, quantity: Quantity, resolution: number) => number,
): (values: Value[]) => Value[] {
  const steps = quantities.map(({ resolution }) => stepsOf(resolution ?? 1))
  return (values) =>
    values.map((value, i) => {
      const quantity = quantities[i] as Quantity
      if (typeof value !== 'number' || !Number.isFinite(value) || !kinds.includes(quantity.kind)) return value
      return (steps[i] as (value: number) => number)(shape(value, quantity, quantity.resolution ?? 1))
    })
}

/** No bits, all bits of a 16-bit converter, and what a DS18B20 says without its wires and before its first conversion. */
function spikeOf(random: Random, { unit }: Quantity, resolution: number): number {
  const codes = [0, 65_535 * resolution, ...(unit === 'Cel' ? [-127, 85] : [])]
  return codes[random.below(codes.length)] as number
}

const shapes: { [Fault in SensorFault]: (quantities: Quantity[], plan: SensorPlan, random: Random) => Shape } = {
  /** The first sample again and again; a blocked gauge adds nothing. */
  stuck(quantities) {
    let held: Value[] | null = null
    return (_nowMs, beganMs, values) => {
      if (beganMs === null) held = null
      else held ??= values.map((value, i) => (quantities[i]?.kind === 'increment' ? 0 : value))
      return held ?? values
    }
  },
  /** A count is digital and has none. */
  spike(quantities, _plan, random) {
    const spiked = eachNumber(quantities, ['gauge', 'increment'], (_value, quantity, resolution) =>
      spikeOf(random, quantity, resolution),
    )
    return (_nowMs, beganMs, values) => (beganMs === null ? values : spiked(values))
  },
  drift(quantities, { amount }) {
    let off = 0
    const drifted = eachNumber(quantities, ['gauge'], (value) => value + off)
    return (nowMs, beganMs, values) => {
      if (beganMs === null) return values
      off = (amount * (nowMs - beganMs)) / hourMs
      return drifted(values)
    }
  },
  gain(quantities, { amount }) {
    const gained = eachNumber(quantities, ['gauge', 'increment'], (value) => value * amount)
    return (_nowMs, beganMs, values) => (beganMs === null ? values : gained(values))
  },
  /** The count begins anew at 0. */
  'counter-reset'(quantities) {
    let resetAt: Value[] | null = null
    return (_nowMs, beganMs, values) => {
      if (beganMs !== null) resetAt = values
      if (resetAt === null) return values
      return values.map((value, i) => {
        const { kind, counterBits = 32 } = quantities[i] as Quantity
        const modulus = 2 ** counterBits
        return kind === 'counter' ? (Number(value) - Number(resetAt?.[i]) + modulus) % modulus : value
      })
    }
  },
}

/** `plan.share` was decided by who calls: this sensor has the fault. `startMs`: of the run. */
export function withFaults(sensor: Sensor, plans: FaultPlan[], random: Random, startMs: number): Sensor {
  const faults = plans.filter(isSensorFault).map((plan) => {
    // What lasts no time is in one sample: a spike, and a reset, after which the count just goes on.
    const isMoment = plan.fault === 'counter-reset' || (plan.fault === 'spike' && plan.lastsS === 0)
    return {
      beganMs: createEpisodes(plan, isMoment, random, startMs),
      shape: shapes[plan.fault](sensor.quantities, plan, random),
    }
  })
  if (faults.length === 0) return sensor
  return {
    quantities: sensor.quantities,
    sample: (nowMs) =>
      faults.reduce((values, { beganMs, shape }) => shape(nowMs, beganMs(nowMs), values), sensor.sample(nowMs)),
  }
}
