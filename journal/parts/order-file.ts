/** `order.log`: a list of extents, appended to, read by pages, and written anew without what is not needed any more. */
import { copyFile, type FileHandle, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Logger } from 'pino'
import { FatalError, StartError } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import { writeFully } from '../writer.ts'
import { advance, type Extent, endOf, extentAt, extentBytes, extentsToBytes, follows, type Reached } from './extent.ts'

const magic = Buffer.from('DEWPORD1')
const headerBytes = magic.length
const pageExtents = limits.orderReadBytes / extentBytes

export type OrderFile = {
  /** Extents are numbered; a number stays the extent's own for as long as the file is open. */
  first(): number
  /** Behind the last one. */
  end(): number
  /** Some extents from a number on, or from the first one kept; none at the end. @throws FatalError when one is damaged. */
  page(from: number): Promise<{ first: number; extents: Extent[] }>
  /** Number of the first extent that ends behind a joint position. */
  find(position: number): Promise<number>
  /** Resolves when they are on disk; only then others see them. After an error the same may be tried again. */
  append(extents: Extent[]): Promise<void>
  /** The file with others in place of everything before a number. */
  replace(before: Extent[], from: number): Promise<void>
  close(): Promise<void>
}

export async function createOrderFile(path: string, extents: Extent[]): Promise<void> {
  const file = await open(`${path}.new`, 'w')
  await writeFully(file, Buffer.concat([magic, extentsToBytes(extents)]), 0)
    .then(() => putInPlace(path, file))
    .finally(() => file.close())
}

/** Moves `reached` on behind everything that the file holds. @throws StartError for another file. */
export async function openOrderFile(path: string, reached: Reached, log: Logger): Promise<OrderFile> {
  let file = await open(path, 'r+')
  const whole = await scan(file, path, reached).catch(async (error) => {
    await file.close()
    throw error
  })
  file = await mend(path, file, whole, log)
  let first = 0
  let count = whole.reduce((sum, [from, to]) => sum + (to - from) / extentBytes, 0)
  /** The newest ones, for readers that follow closely. */
  let recent: Extent[] = []
  const end = () => first + count

  async function readAt(from: number, most: number): Promise<Extent[]> {
    const wanted = Math.min(most, end() - from)
    const bytes = Buffer.allocUnsafe(wanted * extentBytes)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, headerBytes + (from - first) * extentBytes)
    const extents: Extent[] = []
    for (let at = 0; at < bytes.length; at += extentBytes) {
      const extent = at + extentBytes <= bytesRead ? extentAt(bytes, at) : null
      if (extent === null) throw new FatalError(`${path} is damaged, or cannot be read`)
      extents.push(extent)
    }
    return extents
  }

  return {
    first: () => first,
    end,
    async page(from) {
      const at = Math.max(from, first)
      if (at >= end()) return { first: at, extents: [] }
      const recentFrom = end() - recent.length
      if (at >= recentFrom) return { first: at, extents: recent.slice(at - recentFrom) }
      return { first: at, extents: await readAt(at, pageExtents) }
    },
    async find(position) {
      let low = first
      let high = end()
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        // What was dropped meanwhile was released.
        const extent = middle < first ? null : ((await readAt(middle, 1))[0] as Extent)
        if (extent === null || endOf(extent) <= position) low = middle + 1
        else high = middle
      }
      return low
    },
    async append(extents) {
      await writeFully(file, extentsToBytes(extents), headerBytes + count * extentBytes)
      await file.datasync()
      count += extents.length
      recent.push(...extents)
      if (recent.length > 2 * pageExtents) recent = recent.slice(-pageExtents)
    },
    async replace(before, from) {
      const next = await open(`${path}.new`, 'w+')
      const offset = headerBytes + (from - first) * extentBytes
      const start = headerBytes + before.length * extentBytes
      await writeFully(next, Buffer.concat([magic, extentsToBytes(before)]), 0)
        .then(() => copy(file, offset, headerBytes + count * extentBytes, next, start))
        .then(() => putInPlace(path, next))
        .catch(async (error) => {
          await next.close()
          throw error
        })
      const old = file
      file = next
      count = end() - from + before.length
      first = from - before.length
      recent = recent.slice(Math.max(0, recent.length + before.length - count))
      await old.close()
    },
    close: () => file.close(),
  }
}

/** Of a file: where whole extents stand, from and to. */
type Stretch = [from: number, to: number]

async function scan(file: FileHandle, path: string, reached: Reached): Promise<Stretch[]> {
  const header = Buffer.alloc(headerBytes)
  await file.read(header, 0, headerBytes, 0)
  if (!header.equals(magic)) throw new StartError(`${path}: is no order of a journal's parts`)
  const { size } = await file.stat()
  const bytes = Buffer.allocUnsafe(limits.orderReadBytes)
  const whole: Stretch[] = [[headerBytes, headerBytes]]
  for (let from = headerBytes; from + extentBytes <= size; from += bytes.length) {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
    for (let at = 0; at + extentBytes <= bytesRead; at += extentBytes) {
      const extent = extentAt(bytes, at)
      if (extent === null || !follows(reached, extent)) continue
      advance(reached, extent)
      const last = whole.at(-1) as Stretch
      if (last[1] === from + at) last[1] += extentBytes
      else whole.push([from + at, from + at + extentBytes])
    }
  }
  return whole
}

/** A torn tail is cut off. From between other extents a damaged one is taken out, and the file from before kept. */
async function mend(path: string, file: FileHandle, whole: Stretch[], log: Logger): Promise<FileHandle> {
  const { size } = await file.stat()
  const [, end] = whole.at(-1) as Stretch
  if (whole.length === 1) {
    if (end === size) return file
    log.warn({ path, bytes: size - end }, 'the order of the journal had a torn tail: cut')
    await file.truncate(end)
    await file.datasync()
    return file
  }
  const kept = `${path}.damaged`
  log.error({ path, kept }, 'the order of the journal is damaged: readings whose place it told cannot be read')
  await copyFile(path, kept).catch(() => {})
  const next = await open(`${path}.new`, 'w+')
  let at = headerBytes
  await writeFully(next, magic, 0)
  for (const [from, to] of whole) at += await copy(file, from, to, next, at)
  await putInPlace(path, next)
  await file.close()
  return next
}

async function putInPlace(path: string, next: FileHandle): Promise<void> {
  await next.datasync()
  await rename(`${path}.new`, path)
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}

async function copy(file: FileHandle, from: number, to: number, into: FileHandle, offset: number): Promise<number> {
  const bytes = Buffer.allocUnsafe(limits.journalReadBytes)
  let copied = 0
  while (from + copied < to) {
    const wanted = Math.min(bytes.length, to - from - copied)
    const { bytesRead } = await file.read(bytes, 0, wanted, from + copied)
    if (bytesRead === 0) throw new FatalError('the order of the journal ends early')
    await writeFully(into, bytes.subarray(0, bytesRead), offset + copied)
    copied += bytesRead
  }
  return copied
}
