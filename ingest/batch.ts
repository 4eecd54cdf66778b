/** Points on their way to the store, and everything else that was decided about the records they came with. */
import type { QuarantineCode } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import type { Record } from '../telemetry/message.ts'
import type { Point } from '../telemetry/point.ts'

/**
 * `configVersion`: of the routes that decided it, 8 hexadecimal digits. `decidedAt`: journal position of the replay that decided
 * it again, where there was one.
 */
export type Quarantined = {
  record: Record
  code: QuarantineCode
  reason: string
  configVersion: string
  decidedAt?: number
}

/** A message whose points all went into the batch. `replayedAt`: journal position of the replay, if it is none of now. */
export type Taken = { record: Record; replayedAt: number | null }

export type Batch = {
  points: Point[]
  taken: Taken[]
  /** Messages of the quarantine that turned out to be copies; they are counted in `duplicates`. */
  copies: Taken[]
  quarantined: Quarantined[]
  duplicates: number
  damaged: number
  bytes: number
  configVersion: string
  /** Everything before this position is in this batch or an earlier one. */
  position: number
  ordinal: number
  /** What ingest knows of devices at `position`, to be saved once the batch is stored; null: not now. */
  state: string[] | null
}

export const createBatch = (position: number, ordinal: number, configVersion: string): Batch => ({
  points: [],
  taken: [],
  copies: [],
  quarantined: [],
  duplicates: 0,
  damaged: 0,
  bytes: 0,
  configVersion,
  position,
  ordinal,
  state: null,
})

export const isFull = (batch: Batch): boolean =>
  batch.points.length + batch.quarantined.length >= limits.batchPointsMax || batch.bytes >= limits.batchBytesMax
