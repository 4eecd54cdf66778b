/**
 * Reads the journal from a position on, in order, as far as it is durable. Any number of readers may follow one journal;
 * another process follows the files alone (folderTail).
 */
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '../telemetry/limits.ts'
import type { Record } from '../telemetry/message.ts'
import { findRecord, readRecord } from './record.ts'
import { headerBytes, listSegments } from './segment.ts'

/** What a reader must know of the writer. */
export type JournalTail = {
  /** Everything before this position is on disk. */
  durable(): number
  /** durable() always stands between two records. */
  isExact: boolean
  /** Resolves once durable() is beyond the position, or when the writer closes. */
  grown(position: number): Promise<void>
}

export type Chunk = {
  records: Record[]
  /** Where the next chunk begins. */
  next: number
  /** Bytes in this chunk that are no records. Their readings show as a gap in the ordinals. */
  damagedBytes: number
}

export type JournalReader = {
  /** Waits until there is something behind the position; an empty chunk only when the writer has closed. */
  read(): Promise<Chunk>
  close(): Promise<void>
}

/** A reader that its owner may send elsewhere. */
export type SeekingReader = JournalReader & {
  /** The next read begins there. */
  seek(position: number): void
}

/** Follows a journal whose writer is another process: what stands in the files is taken, the end is polled. */
export function folderTail(folder: string, pollMs = 20): JournalTail {
  let end = 0
  return {
    durable: () => end,
    isExact: false,
    async grown(position) {
      while (end <= position) {
        const last = (await listSegments(folder)).at(-1)
        if (last !== undefined) end = last.base + last.bytes
        if (end <= position) await sleep(pollMs)
      }
    },
  }
}

/** Readers that follow closely read and check the same bytes: the first one does it for all. */
export type SharedChunks = { at(position: number, read: () => Promise<Chunk>): Promise<Chunk> }

/** Keeps the newest chunk only: a reader that lags behind reads by itself. */
export function createSharedChunks(): SharedChunks {
  let newest: { position: number; chunk: Promise<Chunk> } | null = null
  return {
    at(position, read) {
      if (newest?.position === position) return newest.chunk
      const chunk = read()
      const asked = { position, chunk }
      newest = asked
      chunk.catch(() => {
        if (newest === asked) newest = null
      })
      return chunk
    },
  }
}

/** `shared`: of all readers of one journal in this process, who change nothing in the records. */
export function openReader(
  folder: string,
  tail: JournalTail,
  position: number,
  shared: SharedChunks | null = null,
): SeekingReader {
  let at = position
  let segment: { file: FileHandle; base: number } | null = null

  /** Opens the segment that holds `at`, or the next one behind a stretch that was released or never written; false: none. */
  async function openSegment(): Promise<boolean> {
    const segments = await listSegments(folder)
    const found = segments.find(({ base, bytes }) => at < base + bytes)
    if (found === undefined) return false
    if (found.base === segment?.base) return true
    const file = await open(found.path, 'r')
    await segment?.file.close()
    segment = { file, base: found.base }
    at = Math.max(at, found.base)
    return true
  }

  /** Running out of file descriptors passes when connections end. */
  async function openSegmentPatiently(): Promise<boolean> {
    for (;;) {
      try {
        return await openSegment()
      } catch (error) {
        if (!['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
        await sleep(100)
      }
    }
  }

  async function read(): Promise<Chunk> {
    for (;;) {
      await tail.grown(at)
      if (tail.durable() <= at) return { records: [], next: at, damagedBytes: 0 }
      const chunk = await (shared === null ? readChunk() : shared.at(at, readChunk))
      at = chunk.next
      if (chunk.records.length > 0 || chunk.damagedBytes > 0) return chunk
    }
  }

  /** There is something behind `at`. */
  async function readChunk(): Promise<Chunk> {
    if (segment === null || at < segment.base) await openSegmentPatiently()
    for (;;) {
      const durable = tail.durable()
      if (at >= durable) return { records: [], next: at, damagedBytes: 0 }
      const bytes = Buffer.allocUnsafe(Math.min(durable - at, limits.journalReadBytes))
      const bytesRead = segment === null ? 0 : await readAt(segment.file, bytes, headerBytes + at - segment.base)
      if (bytesRead === 0) {
        if ((await openSegmentPatiently()) || !tail.isExact) continue
        // It was durable, and no file has it any more.
        return { records: [], next: durable, damagedBytes: durable - at }
      }
      const isEnd = bytesRead < bytes.length || (tail.isExact && at + bytesRead === durable)
      const chunk = parse(bytes.subarray(0, bytesRead), at, isEnd)
      if (chunk.next > at) return chunk
      // A writer in another process is in the middle of a record: not all of its bytes are there.
      await sleep(5)
    }
  }

  return {
    read,
    seek(position) {
      at = position
    },
    async close() {
      await segment?.file.close()
      segment = null
    },
  }
}

async function readAt(file: FileHandle, into: Buffer, offset: number): Promise<number> {
  let read = 0
  while (read < into.length) {
    const { bytesRead } = await file.read(into, read, into.length - read, offset + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return read
}

/** `isEnd`: no record reaches beyond these bytes, so what is partial here is damaged. */
function parse(bytes: Buffer, position: number, isEnd: boolean): Chunk {
  const records: Record[] = []
  let offset = 0
  let damagedBytes = 0
  while (offset < bytes.length) {
    const found = readRecord(bytes, offset, position + offset)
    if (typeof found === 'object') {
      records.push(found.record)
      offset = found.end
      continue
    }
    if (found === 'partial' && !isEnd) break
    const next = findRecord(bytes, offset + 1, position)
    // A record is at most half a read: one that begins in the first half would have been found whole.
    const skipTo = next !== -1 ? next : isEnd ? bytes.length : Math.max(offset, bytes.length / 2)
    if (skipTo === offset) break
    damagedBytes += skipTo - offset
    offset = skipTo
  }
  return { records, next: position + offset, damagedBytes }
}
