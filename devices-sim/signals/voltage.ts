/** What a device measures of its own supply: the cell, or the 5 V of a mains adapter. */
import type { Random } from '../random.ts'
import type { Sensor } from '../sensor.ts'
import { stepsOf } from './rounding.ts'

const railV = 5
/** Adapters differ by this deviation, ... */
const railSpreadV = 0.04
/** ... and a converter adds this to each sample. */
const noiseV = 0.001

/** `volts`: of the cell now, null with mains. */
export function createVoltage(volts: (nowMs: number) => number | null, random: Random): Sensor {
  const resolution = 0.001
  const stepped = stepsOf(resolution)
  const adapterV = railV + railSpreadV * random.normal()
  return {
    quantities: [{ channel: 'voltage', unit: 'V', resolution, kind: 'gauge' }],
    sample: (nowMs) => [stepped(Math.max(0, (volts(nowMs) ?? adapterV) + noiseV * random.normal()))],
  }
}
