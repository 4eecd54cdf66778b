/**
 * One file of the journal: a header, then records. The file's name is the position of its first record, so a directory
 * listing is the table of contents.
 */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { FatalError } from '../telemetry/errors.ts'
import { MessageKind } from '../telemetry/message.ts'
import { findRecord, readRecord } from './record.ts'

export const headerBytes = 40
const magic = Buffer.from('DEWPJNL1')
const nameOf = (base: number) => `${String(base).padStart(16, '0')}.journal`
const named = /^(\d{16})\.journal$/

/** Where the journal stands: the next record's position, the readings so far, the last receive time. */
export type End = { position: number; ordinal: number; receivedAtUs: number }

export type Segment = { path: string; base: number; bytes: number }

/** The segments of a folder, oldest first; `bytes` counts records only. */
export async function listSegments(folder: string): Promise<Segment[]> {
  const bases = (await readdir(folder)).flatMap((name) => named.exec(name)?.[1] ?? []).map(Number)
  const segments: Segment[] = []
  for (const base of bases.toSorted((a, b) => a - b)) {
    const path = join(folder, nameOf(base))
    // Another process may release a segment between the listing and this line.
    const size = await stat(path).then(
      (it) => it.size,
      () => null,
    )
    if (size !== null) segments.push({ path, base, bytes: Math.max(0, size - headerBytes) })
  }
  return segments
}

/** Creates a segment whose first record will stand at `start.position`; it and its name are on disk on return. */
export async function createSegment(folder: string, start: End): Promise<{ file: FileHandle; segment: Segment }> {
  const path = join(folder, nameOf(start.position))
  const header = Buffer.alloc(headerBytes)
  magic.copy(header)
  header.writeDoubleLE(start.position, 8)
  header.writeDoubleLE(start.ordinal, 16)
  header.writeDoubleLE(start.receivedAtUs, 24)
  header.writeUInt32LE(crc32(header.subarray(0, 32)), 32)
  const file = await open(path, 'w+')
  try {
    await file.write(header, 0, headerBytes, 0)
    await file.datasync()
    const directory = await open(folder, 'r')
    await directory.sync().finally(() => directory.close())
  } catch (error) {
    await file.close()
    throw error
  }
  return { file, segment: { path, base: start.position, bytes: 0 } }
}

/** Reads a header; null when it was never written whole, which only a crash in createSegment() can leave behind. */
async function readHeader(file: FileHandle): Promise<End | null> {
  const header = Buffer.alloc(headerBytes)
  const { bytesRead } = await file.read(header, 0, headerBytes, 0)
  const isWhole = bytesRead === headerBytes && header.subarray(0, 8).equals(magic)
  if (!isWhole || header.readUInt32LE(32) !== crc32(header.subarray(0, 32))) return null
  return { position: header.readDoubleLE(8), ordinal: header.readDoubleLE(16), receivedAtUs: header.readDoubleLE(24) }
}

/** Where a segment begins, by its own header; null without a whole header. */
export async function startOf(segment: Segment): Promise<End | null> {
  const file = await open(segment.path, 'r')
  return readHeader(file).finally(() => file.close())
}

/** Recovery of the last segment: where its last whole record ends, and what stands behind it. */
export type Tail = { end: End; tornBytes: number; damagedBytes: number }

/**
 * Reads a whole segment and finds its end. Bytes behind the last whole record are a torn tail: a group that was never
 * synced, so nothing of it was acknowledged. Damage before the last whole record stays where it is for the reader.
 */
export async function findTail(file: FileHandle, segment: Segment): Promise<Tail> {
  const start = await readHeader(file)
  if (start === null || start.position !== segment.base) {
    throw new FatalError(`${segment.path} has no valid header but holds ${segment.bytes} bytes; move it away to go on`)
  }
  const bytes = Buffer.alloc(segment.bytes)
  const { bytesRead } = await file.read(bytes, 0, segment.bytes, headerBytes)
  const whole = bytes.subarray(0, bytesRead)
  const end: End = { ...start }
  let offset = 0
  let damagedBytes = 0
  while (offset < whole.length) {
    const found = readRecord(whole, offset, segment.base + offset)
    if (typeof found === 'object') {
      end.position = segment.base + found.end
      end.receivedAtUs = found.record.receivedAtUs
      if (found.record.kind === MessageKind.publish) end.ordinal = found.record.ordinal
      offset = found.end
      continue
    }
    const next = findRecord(whole, offset + 1, segment.base)
    if (next === -1) break
    damagedBytes += next - offset
    offset = next
  }
  return { end, tornBytes: segment.base + whole.length - end.position, damagedBytes }
}
