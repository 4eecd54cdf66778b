/** A Reading is what a codec made of one payload: a number, and when and in which order the device says it was taken. */
import type { DeviceName } from './device.ts'
import type { MessageProblem } from './errors.ts'

export type Reading = {
  value: number
  /** When the device took it, milliseconds since 1970, if it says so. */
  timeMs?: number
  /** The device's own count of readings, if it keeps one. */
  sequence?: number
}

/** Takes hostile bytes: answers a problem as a value, never throws. */
export type Decode = (payload: Buffer) => Reading | MessageProblem

export const isProblem = <Good extends object>(it: Good | MessageProblem): it is MessageProblem => 'code' in it

/** A reading with its place, as pages and alerts see it. Channel: the measurement it goes to. */
export type DeviceReading = DeviceName & { channel: string; unit: string; timeMs: number; value: number }
