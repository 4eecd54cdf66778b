/**
 * What a run knows of itself: the truth to check a store and its alerts against. One JSON array a line, append-only, first the head:
 * compact enough for a year of a fleet, and a person can read it. line.ts draws the lines.
 */
import type { DeviceName } from '../../telemetry/device.ts'
import type { Value } from '../../telemetry/reading.ts'
import type { Quantity } from '../sensor.ts'

export type TruthDevice = DeviceName & {
  clientId: string
  profile: string
  gateway: string | null
  quantities: Quantity[]
}

export type TruthHead = {
  format: 'dewpoint-truth/1'
  seed: number
  scenario: string
  clock: 'real' | 'virtual'
  startedAtMs: number
}

/**
 * How the store can know when a sample was taken. exact: the device tells it, with a resolution of `resolutionMs`. age: the device
 * tells at each sending how long ago it was, so it may be off by as long as it was on the network. reckoned: by a clock that counts from
 * nowhere, so it may be off by as long as the report waited and was on the network. arrival: nobody knows, the time of arrival is stored.
 */
export type TimeKnowledge = { how: 'exact' | 'age' | 'reckoned' | 'arrival'; resolutionMs: number }

/** Values of one sample stand in the order of the device's quantities; null: none of this quantity in this sample. */
export type TruthSample = { takenAtMs: number; values: Array<Value | null> }

export type TruthEvent =
  | { type: 'device'; device: number; about: TruthDevice }
  /** A report stands in the device's memory. `nth` counts the device's reports from 0, over reboots; `boot`: which one it tells, or null. */
  | {
      type: 'report'
      device: number
      nth: number
      atMs: number
      boot: number | null
      time: TimeKnowledge
      samples: TruthSample[]
      expect: 'stored' | 'quarantined'
    }
  /** It was handed to the network; the first time, and again. */
  | { type: 'sent'; device: number; nth: number; atMs: number }
  | { type: 'acknowledged'; device: number; nth: number; atMs: number }
  /** The device has lost it before any PUBACK: it may be in the store (if it was sent), and need not be. */
  | {
      type: 'dropped'
      device: number
      nth: number
      atMs: number
      why: 'flash_full' | 'brown_out' | 'death' | 'run_over' | 'qos_0'
    }
  /** What the device really does; untilMs: when it means to wake. */
  | { type: 'state'; device: number; atMs: number; state: 'awake' | 'asleep' | 'dead'; untilMs: number | null }
  /** Something broke, or is whole again: what ought to make one alert for all it concerns. */
  | {
      type: 'incident'
      id: number
      atMs: number
      phase: 'begin' | 'end'
      kind: string
      devices: number[]
      detail: string
    }
  /** What an operator heard. */
  | { type: 'alert'; atMs: number; topic: string; payload: string }
  /** The last line of a whole run. */
  | { type: 'end'; atMs: number }

export type TruthWriter = {
  write(event: TruthEvent): void
  /** Resolves when all is on disk. */
  close(): Promise<void>
}

/** Nobody will check the run. */
export const noTruth: TruthWriter = { write() {}, close: () => Promise.resolve() }
