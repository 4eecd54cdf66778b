/** Where groups go: one write at the end of the newest segment, one sync, a new segment when it is long enough. */
import type { FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '../telemetry/limits.ts'
import { countTime, createTimes, type Times } from '../telemetry/times.ts'
import { createDisk } from './disk.ts'
import type { Group } from './group.ts'
import { createSegment, headerBytes, type Segment } from './segment.ts'

export type WriterOptions = {
  folder: string
  /** The newest segment, open. */
  file: FileHandle
  /** The newest last; new ones are appended. */
  segments: Segment[]
  segmentBytes?: number | undefined
  diskReserveBytes?: number | undefined
  retryMs?: number | undefined
  /** There is no room: the group is tried again, unless the answer is false. */
  onFull: (detail: string) => boolean
}

export type Writer = {
  /** Resolves when the group is on the disk. @throws Error when nobody knows what the disk holds. */
  write(group: Group): Promise<void>
  /** Of each write with its sync. */
  syncTimes(): Times
  syncs(): number
  close(): Promise<void>
}

/** Errors that pass: no room, or (only when a file is opened, before a byte is written) no file descriptor. */
const waitable = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE'])
export const isWaitable = (error: unknown): boolean => waitable.has((error as NodeJS.ErrnoException).code ?? '')

export function createWriter(options: WriterOptions): Writer {
  const { folder, segments, segmentBytes = limits.segmentBytes, retryMs = 250, onFull } = options
  const disk = createDisk(folder, options.diskReserveBytes)
  let { file } = options
  const syncTimes = createTimes()
  let syncs = 0
  const current = () => segments.at(-1) as Segment

  async function rotate(group: Group): Promise<void> {
    const start = { position: group.start, ordinal: group.ordinalBefore, receivedAtUs: group.receivedBeforeUs }
    const created = await createSegment(folder, start)
    await file.close()
    file = created.file
    segments.push(created.segment)
  }

  async function tryToWrite(group: Group): Promise<void> {
    if (current().bytes >= segmentBytes) await rotate(group)
    const bytes = group.bytes()
    await disk.check(bytes.length)
    const startedAt = performance.now()
    await writeFully(file, bytes, headerBytes + current().bytes)
    await file.datasync()
    countTime(syncTimes, performance.now() - startedAt)
    syncs++
    current().bytes += bytes.length
  }

  return {
    /** A full disk is waited for, and the same bytes go to the same place; any other error is the end. */
    async write(group) {
      for (;;) {
        try {
          return await tryToWrite(group)
        } catch (error) {
          if (!isWaitable(error)) throw error
          if (!onFull(`cannot write to ${folder} now: ${(error as Error).message}; trying again`)) throw error
          await sleep(retryMs)
        }
      }
    },
    syncTimes: () => syncTimes,
    syncs: () => syncs,
    close: () => file.close(),
  }
}

/** Resolves when all bytes are written. */
export async function writeFully(file: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, offset + written)
    written += bytesWritten
  }
}
