/** The journal as everything behind it reads it: a single one, or the parts as one. */
import { type Journal, type JournalOptions, type JournalState, openJournal } from '../journal.ts'
import { createSharedChunks, type JournalReader, openReader } from '../reader.ts'
import { hasParts, type Mark, openParts, type Parts, type PartsOptions, partFolder } from './parts.ts'

export type WholeJournal = {
  /** What this process writes. */
  own: Journal
  /** Null: nobody else writes, now or earlier. */
  parts: Parts | null
  openReader(position: number): JournalReader
  /** Where the oldest record stood when it was opened, and how many readings there were before it. */
  first: Mark
  durable(): number
  ordinal(): number
  heldBytes(): number
  release(position: number): Promise<void>
  flush(): Promise<void>
  status(): JournalState
  /** Other writers must have ended. */
  close(): Promise<void>
}

export type WholeOptions = Pick<PartsOptions, 'log' | 'startAt' | 'releasePart' | 'onFailed'> &
  Pick<JournalOptions, 'clock' | 'onPlaced'> & {
    /** The data folder. */
    folder: string
    bytesMax: number
    /** Other writers. */
    workers: number
  }

export async function openWholeJournal(options: WholeOptions): Promise<WholeJournal> {
  const { log, bytesMax, workers, clock, onPlaced } = options
  const more = { ...(clock && { clock }), ...(onPlaced && { onPlaced }) }
  const folder = partFolder(options.folder, 0)
  let parts: Parts | null = null
  const openOwn = (startAt: Mark, heldBytes?: () => number) =>
    openJournal({ folder, log, bytesMax, startAt, ...more, ...(heldBytes && { heldBytes }) })
  if (workers === 0 && !hasParts(options.folder)) return single(await openOwn(options.startAt), folder)
  parts = await openParts({ ...options, openOwn: (startAt) => openOwn(startAt, () => parts?.heldBytes() ?? 0) })
  return { ...parts, parts }
}

function single(own: Journal, folder: string): WholeJournal {
  const chunks = createSharedChunks()
  return {
    ...own,
    own,
    parts: null,
    openReader: (position) => openReader(folder, own, position, chunks),
    heldBytes: () => own.stats().bytes,
  }
}
