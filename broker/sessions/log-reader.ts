/** The log of sessions from its beginning, in pieces; what follows a damaged place is not read, but kept beside it. */
import { copyFile, type FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Logger } from 'pino'
import { StartError } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Change, decodeChanges } from './change.ts'

export const magic = Buffer.from('DWS1\n')
export const headerBytes = magic.length
const frameBytes = 8

/** Resolves with the offset behind the last whole list; the file ends there then. @throws StartError for another file. */
export async function readChanges(
  file: FileHandle,
  path: string,
  onChange: (change: Change) => void,
  log: Logger,
): Promise<number> {
  const { size } = await file.stat()
  const header = Buffer.alloc(headerBytes)
  await file.read(header, 0, headerBytes, 0)
  // Zeros from the beginning on: the power went before the first change was synced.
  const isNew = header.every((byte) => byte === 0)
  if (!isNew && !header.equals(magic)) throw new StartError(`${path}: is no log of sessions`)
  if (isNew) await file.write(magic, 0, headerBytes, 0)
  let end = headerBytes
  let piece = Buffer.alloc(0)
  let at = 0
  for (;;) {
    const changes = take()
    if (changes === 'more') {
      const read = await more()
      if (read === 0) break
    } else if (changes === 'damaged') break
    else for (const change of changes) onChange(change)
  }
  if (end < size) {
    const kept = `${path}.torn`
    await copyFile(path, kept).catch(() => {})
    await file.truncate(end)
    await file.datasync()
    log.warn({ path, bytes: size - end, kept }, 'the log of sessions ended in the middle of a change: cut')
  }
  return end

  function take(): Change[] | 'more' | 'damaged' {
    if (piece.length - at < frameBytes) return 'more'
    const bytes = piece.readUInt32LE(at)
    // After a power cut a file may be as long as it was, and zero where nothing was synced: no list is empty, and the CRC of nothing is 0.
    if (bytes === 0) return 'damaged'
    if (end + frameBytes + bytes > size) return 'damaged'
    if (piece.length - at < frameBytes + bytes) return 'more'
    const body = piece.subarray(at + frameBytes, at + frameBytes + bytes)
    if (crc32(body) !== piece.readUInt32LE(at + 4)) return 'damaged'
    at += frameBytes + bytes
    end += frameBytes + bytes
    return decodeChanges(body)
  }
  /** Another piece behind what is not taken yet. */
  async function more(): Promise<number> {
    const rest = piece.subarray(at)
    const buffer = Buffer.allocUnsafe(Math.max(limits.sessionsLogChunkBytes, 2 * rest.length))
    rest.copy(buffer)
    const { bytesRead } = await file.read(buffer, rest.length, buffer.length - rest.length, end + rest.length)
    piece = buffer.subarray(0, rest.length + bytesRead)
    at = 0
    return bytesRead
  }
}
