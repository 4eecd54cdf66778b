/** Points on their way to the store, and everything else that was decided about the records they came with. */
import type { QuarantineCode } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import type { Record } from '../telemetry/message.ts'
import type { Point } from '../telemetry/point.ts'

export type Quarantined = { record: Record; code: QuarantineCode; reason: string }

export type Batch = {
  points: Point[]
  /** The record of each point, at the same index; null for points of the platform itself. */
  records: Array<Record | null>
  quarantined: Quarantined[]
  duplicates: number
  damaged: number
  bytes: number
  /** Everything before this position is in this batch or an earlier one. */
  position: number
  ordinal: number
}

export const createBatch = (position: number, ordinal: number): Batch => ({
  points: [],
  records: [],
  quarantined: [],
  duplicates: 0,
  damaged: 0,
  bytes: 0,
  position,
  ordinal,
})

export const isFull = (batch: Batch): boolean =>
  batch.points.length + batch.quarantined.length >= limits.batchPointsMax || batch.bytes >= limits.batchBytesMax
