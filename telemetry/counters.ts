/**
 * What was counted since the start of the process. Stages add; the console shows. The readings' own balance (stored,
 * quarantined, duplicate) lives in the store's Checkpoint instead, since it must survive a crash.
 */
import type { QuarantineCode, RefusalCode } from './errors.ts'

export type Counters = {
  connectionsOpen: number
  connectionsTotal: number
  /** Readings that arrived: each is accepted, refused, or still waiting for the journal. */
  received: number
  /** Readings that were refused. */
  refusedReadings: number
  /** Everything that was refused, connections too, by code. */
  refused: Partial<Record<RefusalCode, number>>
  /** Outgoing QoS 0 messages dropped because their subscriber reads too slowly. */
  subscriberDropped: number
  /** Messages not kept for a persistent session since its queue is full. */
  sessionDropped: number
  /** Messages not retained since there are too many topics already. */
  retainedDropped: number
  /** Connections closed because their subscriber reads too slowly. */
  subscriberClosed: number
  pointsStored: number
  batchesStored: number
  storeRetries: number
  quarantined: Partial<Record<QuarantineCode, number>>
  /** Quarantined messages that the quarantine's size limit pushed out. */
  quarantineDropped: number
  liveClients: number
  liveClosed: number
}

export const createCounters = (): Counters => ({
  connectionsOpen: 0,
  connectionsTotal: 0,
  received: 0,
  refusedReadings: 0,
  refused: {},
  subscriberDropped: 0,
  sessionDropped: 0,
  retainedDropped: 0,
  subscriberClosed: 0,
  pointsStored: 0,
  batchesStored: 0,
  storeRetries: 0,
  quarantined: {},
  quarantineDropped: 0,
  liveClients: 0,
  liveClosed: 0,
})

export function count<Code extends string>(by: Partial<Record<Code, number>>, code: Code): void {
  by[code] = (by[code] ?? 0) + 1
}
