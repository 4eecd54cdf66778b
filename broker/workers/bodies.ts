/** The bodies of frames. Both sides are of one release: what cannot be read is a fault of ours, and throws. */
import type { TrafficCounters } from '../../telemetry/counters.ts'
import type { JournalEnd, MessageKind } from '../../telemetry/message.ts'
import type { Times } from '../../telemetry/times.ts'
import type { Certificate } from '../access/credentials.ts'
import type { RateAhead } from '../access/rate.ts'

/** `certificate`: names of the verified one that the client showed. */
export type Opened = { address: string; port: number; certificate: Certificate | null }

/** `keepAliveMs`: the longest silence that is allowed, 0 for ever. */
export type Grant = {
  topic: string
  kind: MessageKind
  epoch: number
  client: string
  isLimited: boolean
  keepAliveMs: number
}

export type PartStats = { bytes: number; segments: number; syncs: number; syncTimes: Times; unsyncedBytes: number }

/** How a part stands; what was counted is the sum since the start of the worker. */
export type WorkerTold = {
  journal: PartStats
  /** Why the part takes nothing now; empty: it does. */
  full: string
  mqtt: { received: TrafficCounters; sent: TrafficCounters }
  refused: { [code: string]: number }
  refusedReadings: number
  subscriberClosed: number
}

export const json = (value: Opened | Grant | WorkerTold): Buffer => Buffer.from(JSON.stringify(value))
export const fromJson = <T extends Opened | Grant | WorkerTold>(body: Buffer): T => JSON.parse(body.toString()) as T

export function numbers(...values: number[]): Buffer {
  const body = Buffer.allocUnsafe(8 * values.length)
  for (const [i, value] of values.entries()) body.writeDoubleLE(value, 8 * i)
  return body
}
export const numberAt = (body: Buffer, index: number): number => body.readDoubleLE(8 * index)

export const endBody = ({ position, ordinal, receivedAtUs }: JournalEnd): Buffer =>
  numbers(position, ordinal, receivedAtUs)
export const endOfBody = (body: Buffer): JournalEnd => ({
  position: numberAt(body, 0),
  ordinal: numberAt(body, 1),
  receivedAtUs: numberAt(body, 2),
})

export const aheadBody = ({ messagesMs, bytesMs }: RateAhead): Buffer => numbers(messagesMs, bytesMs)
/** `index`: of the number that it begins with. */
export const aheadAt = (body: Buffer, index: number): RateAhead => ({
  messagesMs: numberAt(body, index),
  bytesMs: numberAt(body, index + 1),
})
