/**
 * Changes on disk: `sessions.log`, appended in groups, one write and, when somebody waits, one fdatasync each. It is written
 * anew when most of it is history: a snapshot, then whatever was appended while the snapshot was written.
 *
 *     "DWS1\n"  { length u32  crc32(body) u32  body: a list of changes in CBOR } ...
 *
 * A list is found whole or not at all. What a crash left half-written at the end is cut off, and told.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import type { Logger } from 'pino'
import { deferred } from '../../telemetry/deferred.ts'
import { FatalError } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Change, encodeChanges } from './change.ts'
import { headerBytes, magic, readChanges } from './log-reader.ts'

export type SessionLog = {
  /** Resolves when the changes survive kill -9, and, where that is awaited, power loss. */
  append(changes: Change[], isAwaited: boolean): Promise<void>
  bytes(): number
  /** Null: it can be written. */
  problem(): string | null
  close(): Promise<void>
}

type Group = { parts: Buffer[]; bytes: number; isAwaited: boolean; done: ReturnType<typeof deferred> }

const retryMs = 250
/** Errors that pass: no room. */
const waitable = new Set(['ENOSPC', 'EDQUOT'])

/**
 * @param snapshot what the log must say to give the state of now
 * @param onChange is called for every change that the log holds, in order, before this resolves
 */
export async function openSessionLog(
  folder: string,
  snapshot: () => Iterable<Change[]>,
  onChange: (change: Change) => void,
  log: Logger,
  slackBytes: number = limits.sessionsLogSlackBytes,
): Promise<SessionLog> {
  const path = join(folder, 'sessions.log')
  await rm(`${path}.new`, { force: true })
  let file = await openFile(path)
  let end = await readChanges(file, path, onChange, log).catch(async (error: unknown) => {
    await file.close()
    throw error
  })
  /** Where the last snapshot that we wrote ends: what is beyond is history. */
  let base = headerBytes
  let group = createGroup()
  let working: Promise<void> | null = null
  let compacting: Promise<void> | null = null
  let change: (() => Promise<void>) | null = null
  let failure: Error | null = null
  let problem: string | null = null
  let isClosed = false

  function flushSoon(): void {
    working ??= new Promise<void>((resolve) => setImmediate(resolve)).then(flush)
  }

  /** One thing at a time is done to the file: groups in their order, and between two of them the change to a new file. */
  async function flush(): Promise<void> {
    while (change !== null || (group.bytes > 0 && failure === null)) {
      if (change !== null) await change()
      if (failure !== null) continue
      const writing = group
      group = createGroup()
      try {
        if (writing.bytes > 0) await write(Buffer.concat(writing.parts, writing.bytes), writing.isAwaited)
        writing.done.resolve()
      } catch (error) {
        fail(error as Error)
        writing.done.reject(failure as unknown as Error)
      }
      if (end - base > Math.max(slackBytes, base)) compactSoon()
    }
    working = null
  }

  async function write(bytes: Buffer, isSynced: boolean): Promise<void> {
    for (;;) {
      try {
        await writeFully(file, bytes, end)
        if (isSynced) await file.datasync()
        end += bytes.length
        if (problem !== null) log.info('sessions can be written again')
        problem = null
        return
      } catch (error) {
        const { code = '', message } = error as NodeJS.ErrnoException
        if (!waitable.has(code) || isClosed) throw error
        if (problem === null) log.warn({ err: error }, 'sessions cannot be written now: trying again')
        problem = `sessions cannot be written: ${message}`
        await sleep(retryMs)
      }
    }
  }

  function fail(error: Error): void {
    problem = `sessions cannot be written: ${error.message}`
    failure = new FatalError(problem, error)
    log.error({ err: error, path }, 'sessions cannot be kept until a restart')
    group.done.reject(failure)
  }

  function compactSoon(): void {
    if (compacting !== null || isClosed || failure !== null) return
    compacting = compact()
      .catch((error) => {
        // The log from before is whole; it is tried again when it has grown as much once more.
        base = end
        log.warn({ err: error }, 'the log of sessions could not be written anew')
        return rm(`${path}.new`, { force: true })
      })
      .finally(() => {
        compacting = null
      })
  }

  async function compact(): Promise<void> {
    const from = end
    const next = await openFile(`${path}.new`)
    try {
      const snapshotEnd = await writeSnapshot(next, snapshot())
      // Appended meanwhile: most of it now, the rest while nothing else is written.
      const copied = await copy(file, from, end, next, snapshotEnd)
      await betweenGroups(async () => {
        const rest = await copy(file, from + copied, end, next, snapshotEnd + copied)
        await next.datasync()
        await rename(`${path}.new`, path)
        const old = file
        file = next
        base = snapshotEnd
        end = snapshotEnd + copied + rest
        await syncFolder(folder)
        await old.close()
      })
    } catch (error) {
      if (file !== next) await next.close()
      throw error
    }
  }
  function betweenGroups(run: () => Promise<void>): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      change = () => {
        change = null
        return (failure === null ? run() : Promise.reject(failure)).then(resolve, reject)
      }
    })
    flushSoon()
    return done
  }

  return {
    append(changes, isAwaited) {
      if (failure !== null) return Promise.reject(failure)
      if (changes.length === 0) return Promise.resolve()
      const framed = frame(changes)
      group.parts.push(framed)
      group.bytes += framed.length
      group.isAwaited ||= isAwaited
      const { promise } = group.done
      flushSoon()
      return promise
    },
    bytes: () => end,
    problem: () => problem,
    async close() {
      await compacting
      isClosed = true
      if (group.bytes > 0) flushSoon()
      while (working !== null) await working
      await file.close()
    },
  }
}

function createGroup(): Group {
  const done = deferred()
  // Not everything that is written is waited for.
  done.promise.catch(() => {})
  return { parts: [], bytes: 0, isAwaited: false, done }
}

function frame(changes: Change[]): Buffer {
  const body = encodeChanges(changes)
  const framed = Buffer.allocUnsafe(8 + body.length)
  framed.writeUInt32LE(body.length, 0)
  framed.writeUInt32LE(crc32(body), 4)
  body.copy(framed, 8)
  return framed
}

/** Opens the file, and creates it with its header when it is not there. */
async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path, 'a+').then(async (created) => {
    await created.close()
    return open(path, 'r+')
  })
  if ((await file.stat()).size < headerBytes) await writeFully(file, magic, 0)
  return file
}

/** Resolves with the offset behind it. */
async function writeSnapshot(file: FileHandle, snapshot: Iterable<Change[]>): Promise<number> {
  let end = headerBytes
  let parts: Buffer[] = []
  let bytes = 0
  const put = async () => {
    await writeFully(file, Buffer.concat(parts, bytes), end)
    end += bytes
    parts = []
    bytes = 0
  }
  for (const changes of snapshot) {
    if (changes.length === 0) continue
    const framed = frame(changes)
    parts.push(framed)
    bytes += framed.length
    if (bytes >= limits.sessionsLogChunkBytes) await put()
  }
  await put()
  return end
}

async function copy(from: FileHandle, start: number, end: number, to: FileHandle, at: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(Math.min(limits.sessionsLogChunkBytes, Math.max(0, end - start)))
  for (let offset = start; offset < end; ) {
    const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, end - offset), offset)
    await writeFully(to, buffer.subarray(0, bytesRead), at + offset - start)
    offset += bytesRead
  }
  return Math.max(0, end - start)
}

async function writeFully(file: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, offset + written)
    written += bytesWritten
  }
}

/** So that a power cut does not bring the old name back. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}
