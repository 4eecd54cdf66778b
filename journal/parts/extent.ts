/**
 * Which stretch of which part comes next in the joint journal, and what its records are called there (../FORMAT.md draws
 * the bytes). Everything follows from the extent and the record alone, so a record is the same at every read, wherever
 * the reader began and whatever else is damaged.
 */
import { crc32 } from 'node:zlib'
import type { Record } from '../../telemetry/message.ts'
import { stepBackUsMax } from '../journal.ts'
import { recordBytesMin } from '../record.ts'
import type { End } from '../segment.ts'

/** Of length 0: where the order stands with a part. */
export type Extent = {
  part: number
  /** Positions in the part. */
  from: number
  to: number
  /** Joint position of `from`. */
  base: number
  /** Joint ordinals are the part's and this. */
  ordinalShift: number
  /** Joint receive times are later. */
  receivedBeforeUs: number
  /** The part's ordinal and receive time at `to`. */
  ordinal: number
  receivedAtUs: number
}

/** In place of a part: what lies before `from`, a joint position with `ordinal` readings before it, was released. */
export const releasedMark = 0xffff_ffff

export const extentBytes = 64

export const endOf = (extent: Extent): number => extent.base + extent.to - extent.from

/** No joint receive time up to its end is later. */
const timeAfter = ({ from, to, receivedBeforeUs, receivedAtUs }: Extent): number =>
  Math.max(receivedAtUs, receivedBeforeUs + Math.floor((to - from) / recordBytesMin))

/**
 * Gives a record of the part its joint names. The time grows strictly: each record begins at least recordBytesMin behind
 * the one before it.
 */
export function toJoint(record: Record, extent: Extent): Record {
  const offset = record.position - extent.from
  record.position = extent.base + offset
  record.ordinal += extent.ordinalShift
  const earliestUs = extent.receivedBeforeUs + 1 + Math.floor(offset / recordBytesMin)
  if (record.receivedAtUs < earliestUs) record.receivedAtUs = earliestUs
  return record
}

/** How far the order has come: the joint end, and the end of each part in it. */
export type Reached = { end: End; parts: Map<number, End>; released: { position: number; ordinal: number } }

export const nothingReached = (): Reached => ({
  end: { position: 0, ordinal: 0, receivedAtUs: 0 },
  parts: new Map(),
  released: { position: 0, ordinal: 0 },
})

/** Moves on behind an extent, or behind its new end when it has grown. */
export function advance(reached: Reached, extent: Extent): void {
  const { part, from, to, ordinal, receivedAtUs } = extent
  if (part === releasedMark) reached.released = { position: from, ordinal }
  else reached.parts.set(part, { position: to, ordinal, receivedAtUs })
  reached.end.position = endOf(extent)
  reached.end.ordinal = extent.ordinalShift + ordinal
  reached.end.receivedAtUs = timeAfter(extent)
}

/** Whether an extent can stand behind what is reached. */
export function follows({ end, parts }: Reached, { part, from, to, base }: Extent): boolean {
  if (to < from || base < end.position) return false
  return part === releasedMark || from >= (parts.get(part)?.position ?? 0)
}

const start: End = { position: 0, ordinal: 0, receivedAtUs: 0 }
export const endIn = (reached: Reached, part: number): End => reached.parts.get(part) ?? start

/** What comes next when a part has grown. */
export function nextExtent(reached: Reached, part: number, { position, ordinal, receivedAtUs }: End): Extent {
  const { end } = reached
  const before = endIn(reached, part)
  /** The part's own times are later than all before: so it is as long as there is only one part. */
  const isLater = before.receivedAtUs >= end.receivedAtUs
  /** The clock was set back by so much that it is followed, as in a part. */
  const isSetBack = end.receivedAtUs - receivedAtUs > stepBackUsMax
  return {
    part,
    from: before.position,
    to: position,
    base: end.position,
    ordinalShift: end.ordinal - before.ordinal,
    receivedBeforeUs: isLater || isSetBack ? 0 : end.receivedAtUs,
    ordinal,
    receivedAtUs,
  }
}

/** An extent of length 0 that stands at the joint end. */
export function markOf(
  { end }: Reached,
  part: number,
  position: number,
  ordinal: number,
  receivedAtUs: number,
): Extent {
  const ordinalShift = end.ordinal - ordinal
  const receivedBeforeUs = end.receivedAtUs
  return {
    part,
    from: position,
    to: position,
    base: end.position,
    ordinalShift,
    receivedBeforeUs,
    ordinal,
    receivedAtUs,
  }
}

/** What a file must begin with so that reading on behind it gives the same as reading everything before. */
export function marksOf(reached: Reached): Extent[] {
  const { position, ordinal } = reached.released
  const parts = [...reached.parts].map(([part, end]) =>
    markOf(reached, part, end.position, end.ordinal, end.receivedAtUs),
  )
  return [...parts, markOf(reached, releasedMark, position, ordinal, 0)]
}

export function extentsToBytes(extents: Extent[]): Buffer {
  const bytes = Buffer.alloc(extents.length * extentBytes)
  extents.forEach((extent, i) => {
    const at = i * extentBytes
    bytes.writeUInt32LE(extent.part, at + 4)
    bytes.writeDoubleLE(extent.from, at + 8)
    bytes.writeDoubleLE(extent.to, at + 16)
    bytes.writeDoubleLE(extent.base, at + 24)
    bytes.writeDoubleLE(extent.ordinalShift, at + 32)
    bytes.writeDoubleLE(extent.receivedBeforeUs, at + 40)
    bytes.writeDoubleLE(extent.ordinal, at + 48)
    bytes.writeDoubleLE(extent.receivedAtUs, at + 56)
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, at + extentBytes)), at)
  })
  return bytes
}

/** Null when it is damaged. */
export function extentAt(bytes: Buffer, at: number): Extent | null {
  if (bytes.readUInt32LE(at) !== crc32(bytes.subarray(at + 4, at + extentBytes))) return null
  return {
    part: bytes.readUInt32LE(at + 4),
    from: bytes.readDoubleLE(at + 8),
    to: bytes.readDoubleLE(at + 16),
    base: bytes.readDoubleLE(at + 24),
    ordinalShift: bytes.readDoubleLE(at + 32),
    receivedBeforeUs: bytes.readDoubleLE(at + 40),
    ordinal: bytes.readDoubleLE(at + 48),
    receivedAtUs: bytes.readDoubleLE(at + 56),
  }
}
