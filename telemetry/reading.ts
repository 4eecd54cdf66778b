/** What a codec makes of one payload: Reports of Readings. */
import type { DeviceName } from './device.ts'
import type { MessageProblem } from './errors.ts'

/** What was measured. Numbers are finite. */
export type Value = number | string | boolean

/**
 * What `timeMs` of a Reading counts from:
 * none: the reading says no time; unix: 1970; now: the moment of sending, so it is 0 or negative; boot: the device's start.
 */
export type TimeBase = 'none' | 'unix' | 'now' | 'boot'

export type Reading = {
  /** What the payload calls the measured quantity; '' when it names none. */
  channel: string
  value: Value
  /** As the payload says it; '' when it does not. */
  unit: string
  timeBase: TimeBase
  /** Milliseconds, by `timeBase`; 0 with base none. */
  timeMs: number
  /** Only for payloads that name their own series (line protocol). */
  series?: { measurement: string; tags: ReadonlyArray<readonly [name: string, value: string]> }
}

/**
 * What a device counts, and sends again, as one: a packet, or an element of an array that carries a sequence of its own.
 * Its readings stand in the order of the payload. Without readings, but with a sequence, it says that nothing is missing.
 */
export type Report = {
  readings: Reading[]
  /** The device's own count of reports, a whole number from 0 on. */
  sequence?: number
  /** After 2^bits reports the count begins anew at 0; absent: it does not. */
  sequenceBits?: number
  /** How many times the device has started; sequences of two boots are two counts. */
  boot?: number
  /** The device's own clock when it sent, with the base of its readings: tells how far that clock is off. */
  sentMs?: number
  /** The device says that it reports again within so many seconds. */
  nextS?: number
}

/** Where a codec keeps what it must know of earlier messages (Sparkplug's births). Values are plain JSON. */
export type CodecMemory = {
  get(key: string): unknown
  set(key: string, value: unknown): void
}

export type DecodeContext = { topic: string; memory: CodecMemory }

/**
 * Takes hostile bytes: answers a problem as a value, never throws, and spends time and memory in proportion to what the
 * payload holds. A payload without readings (a ping) is an empty list, or a report that only carries a sequence.
 */
export type Decode = (payload: Buffer, context: DecodeContext) => Report[] | MessageProblem

/** The same format the other way, for simulated devices. @throws Error when the format cannot say it. */
export type Encode = (reports: Report[]) => Buffer

export type Codec = { decode: Decode; encode: Encode }

export const isProblem = <Good extends object>(it: Good | MessageProblem): it is MessageProblem => 'code' in it

/** A codec memory that forgets with its owner: for looks at a payload that must change nothing, and for tests. */
export function createMemory(): CodecMemory {
  const values = new Map<string, unknown>()
  return { get: (key) => values.get(key), set: (key, value) => values.set(key, value) }
}

/** A reading with its place, as pages and alerts see it. Channel: see channelOf() in schema.ts. */
export type DeviceReading = DeviceName & { channel: string; unit: string; timeMs: number; value: Value }
