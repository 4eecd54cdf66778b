/**
 * What is known of one device. There are hundreds of thousands: what is the same for many is one object, and what can be
 * reckoned is not kept. Times whose names end in At are of lived time (lived-time.ts), the others milliseconds since 1970.
 */
import type { DeviceName, DeviceState } from '../../telemetry/device.ts'
import type { Due } from './due-heap.ts'
import type { Fact } from './facts.ts'

export type KnownDevice = DeviceName &
  Due & {
    state: DeviceState
    why: string
    sinceMs: number
    lastSeenMs: number
    isAlerting: boolean
    /** The connection that speaks for it; 0: none does. */
    epoch: number
    boundAt: number
    /** Its connection ended by our own doing: until then it may come back. */
    awaitedAt: number | null
    client: string
    address: string
    /** Its last report; null: it only connected. */
    reportedAt: number | null
    reportedMs: number
    /** What it, or its route, said last of when it reports again, milliseconds; null: nothing. */
    nextMs: number | null
    /** Between its last reports, the oldest first; only where nothing is declared. */
    gaps: readonly number[]
    /** When its next report is due by its contract; null: it has none. */
    expectedAt: number | null
    lookedAt: number | null
    /** Looks in which nothing was declared. */
    vainLooks: number
    facts: readonly Fact[]
    /** As its topic says it; '': it does not. */
    gateway: string
    /** The connection on which its topic was asked. */
    gatewayEpoch: number
    /** The save that holds it already. */
    savedIn: number
  }

/** Of devices of which nothing is known. */
export const none: readonly never[] = []

export const createKnownDevice = (name: DeviceName, atMs: number): KnownDevice => ({
  site: name.site,
  device: name.device,
  state: 'offline',
  why: 'no connection speaks for it',
  sinceMs: atMs,
  lastSeenMs: atMs,
  isAlerting: false,
  epoch: 0,
  boundAt: 0,
  awaitedAt: null,
  client: '',
  address: '',
  reportedAt: null,
  reportedMs: 0,
  nextMs: null,
  gaps: none,
  expectedAt: null,
  lookedAt: null,
  vainLooks: 0,
  facts: none,
  gateway: '',
  gatewayEpoch: 0,
  savedIn: 0,
  dueAt: Number.POSITIVE_INFINITY,
  queuedAt: Number.POSITIVE_INFINITY,
})
