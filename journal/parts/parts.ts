/**
 * One journal made of parts, each with a writer and a sync of its own: part 0 is the main process's, the others are those
 * of workers. Everything behind the journal reads it as it would read a single one.
 *
 *     part 0 ──grew──▶┐
 *     part 1 ──grew──▶│ order.log ─▶ one order: joint positions, ordinals, receive times ─▶ ingest, liveness
 *     part 2 ──grew──▶┘
 *
 * The promise: what a part has made durable is read exactly once, at one joint position, by every reader and after every
 * crash, and stays until release() is called beyond it.
 */
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { type Journal, type JournalState, openJournal } from '../journal.ts'
import { createSharedChunks, type JournalReader, type JournalTail } from '../reader.ts'
import { type End, listSegments, startOf } from '../segment.ts'
import { advance, marksOf, nextExtent, nothingReached } from './extent.ts'
import { openJointReader } from './joint-reader.ts'
import { openOrder } from './order.ts'
import { createOrderFile } from './order-file.ts'
import { tellAll, type Untold } from './untold.ts'

export type Mark = { position: number; ordinal: number }

export type PartsOptions = {
  /** The data folder. */
  folder: string
  log: Logger
  /** The store's own mark, a joint one: positions go on behind it. */
  startAt: Mark
  /** Opens part 0, in its folder; a part never starts before the mark. */
  openOwn: (startAt: Mark) => Promise<Journal>
  /** Tells the writer of another part what is not needed any more; false: nobody writes it now, and nobody will. */
  releasePart: (part: number, position: number) => boolean
  onFailed?: (error: Error) => void
  /** How long to wait before a write is tried again on a full disk, milliseconds. */
  retryMs?: number
  /** When the order is written anew, if not by the usual limit. */
  slackBytes?: number
}

export type Parts = JournalTail & {
  /** Part 0. */
  own: Journal
  openReader(position: number): JournalReader
  /** Where the oldest record that is needed stood when the parts were opened, and how many readings there were before. */
  first: Mark
  /** Joint position of the oldest record that is kept for readers. */
  oldest(): number
  /** Readings accepted over the life of the folder. */
  ordinal(): number
  /** What stands between the oldest record that is needed and the end. */
  heldBytes(): number
  /** A part is durable up to there; what caused another call must be told before it. Part 0 is told of by itself. */
  grew(part: number, end: End): void
  /** Up to where the order knows a part: where its writer must start, at the least. */
  endOf(part: number): End
  /** The writer of the part has ended: what it left is told. Resolves to the part's end. */
  recover(part: number): Promise<End>
  /** Everything before the joint position is stored. */
  release(position: number): Promise<void>
  /** Resolves when everything accepted so far by part 0, and told so far by others, is durable here. */
  flush(): Promise<void>
  /** The worse of the order's and part 0's. */
  status(): JournalState
  /** The other parts must be closed first. */
  close(): Promise<void>
}

const ownPart = 0
const orderPath = (folder: string) => join(folder, 'order.log')
const named = /^journal-([1-9]\d{0,4})$/

export const partFolder = (folder: string, part: number): string =>
  join(folder, part === ownPart ? 'journal' : `journal-${part}`)

/** Whether the data folder was used with parts: it is read through them from then on. */
export const hasParts = (folder: string): boolean => existsSync(orderPath(folder))

export async function openParts(options: PartsOptions): Promise<Parts> {
  /** What must be closed when something else cannot be opened, the newest first. */
  const undo: Array<() => Promise<void>> = []
  try {
    return await open(options, undo)
  } catch (error) {
    for (const close of undo.reverse()) await close()
    throw error
  }
}

async function open(options: PartsOptions, undo: Array<() => Promise<void>>): Promise<Parts> {
  const { folder, log, startAt, openOwn } = options
  const folderOf = (part: number) => partFolder(folder, part)
  const path = orderPath(folder)
  const openJournalAt = async (mark: Mark): Promise<Journal> => {
    const own = await openOwn(mark)
    undo.push(own.close)
    return own
  }
  let own: Journal | null = null
  if (!hasParts(folder)) {
    own = await openJournalAt(startAt)
    await createOrderFile(path, await identity(folderOf(ownPart), own))
  }
  const order = await openOrder({ ...options, path })
  undo.push(order.close)
  order.goOnBehind(startAt)
  const journal = own ?? (await openJournalAt(order.endOf(ownPart)))
  await tellAll(await untoldOf([ownPart, ...(await partsIn(folder))]), order.grew)
  // Before any promise of accept() resolves: what it causes is told later.
  journal.onSettled(() => order.grew(ownPart, journal.end()))
  const first = { ...order.released() }
  const released = new Map<number, number>()
  const chunks = createSharedChunks()
  await release(first.position, () => false)

  async function untoldOf(parts: number[]): Promise<Untold[]> {
    const untold: Untold[] = []
    for (const part of parts) {
      const from = order.endOf(part)
      const to = part === ownPart ? journal.end() : await endOfLeft(part, from)
      if (to.position > from.position) untold.push({ part, folder: folderOf(part), from, to })
    }
    return untold
  }

  /** The end of a part that nobody writes: a torn tail is cut off, as a writer would. */
  async function endOfLeft(part: number, startAt: End): Promise<End> {
    if ((await listSegments(folderOf(part))).length === 0) return startAt
    const left = await openJournal({ folder: folderOf(part), log, startAt })
    await left.close()
    return left.end()
  }

  async function release(position: number, tell: (part: number, position: number) => boolean): Promise<void> {
    for (const [part, end] of await order.release(position)) {
      if (end.position <= (released.get(part) ?? 0)) continue
      released.set(part, end.position)
      if (part !== ownPart && !tell(part, end.position)) await removeSegments(folderOf(part), end.position)
    }
    // There may be room again, whichever part has made it.
    await journal.release(released.get(ownPart) ?? 0)
  }

  return {
    own: journal,
    openReader: (position) => openJointReader(order, folderOf, position, chunks),
    first,
    oldest: () => order.released().position,
    ordinal: () => order.end().ordinal + journal.ordinal() - order.endOf(ownPart).ordinal,
    heldBytes: () => order.end().position - order.released().position + journal.unsynced(),
    durable: order.durable,
    isExact: true,
    grown: order.grown,
    grew: order.grew,
    endOf: order.endOf,
    async recover(part) {
      await tellAll(await untoldOf([part]), order.grew)
      return order.endOf(part)
    },
    release: (position) => release(position, options.releasePart),
    async flush() {
      await journal.flush()
      await order.flush()
    },
    status() {
      const [ours, orders] = [journal.status(), order.status()]
      return orders.state === 'failed' || ours.state === 'ok' ? orders : ours
    },
    async close() {
      await journal.close()
      await order.close()
    },
  }
}

/** In a folder whose journal has history, the joint positions, ordinals and times are those of part 0. */
async function identity(folder: string, own: Journal) {
  const reached = nothingReached()
  const segments = await listSegments(folder)
  const starts = (await Promise.all(segments.map(startOf))).filter((start) => start !== null)
  const [oldest = own.end(), ...others] = starts
  reached.parts.set(ownPart, oldest)
  reached.released = { position: oldest.position, ordinal: oldest.ordinal }
  reached.end = { ...reached.released, receivedAtUs: 0 }
  const extents = marksOf(reached)
  // Segment by segment, so that they can be released one by one.
  for (const end of [...others, own.end()]) {
    const extent = nextExtent(reached, ownPart, end)
    advance(reached, extent)
    if (extent.to > extent.from) extents.push(extent)
  }
  return extents
}

/** Parts that ever were, but for part 0. */
export async function partsIn(folder: string): Promise<number[]> {
  const parts = (await readdir(folder)).flatMap((name) => named.exec(name)?.[1] ?? []).map(Number)
  return parts.sort((a, b) => a - b)
}

/** Of a part that nobody writes: it need not keep its newest segment, since the order knows where it ended. */
async function removeSegments(folder: string, position: number): Promise<void> {
  const segments = await listSegments(folder)
  for (const { path, base, bytes } of segments) if (base + bytes <= position) await rm(path, { force: true })
}
