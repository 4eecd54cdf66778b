/**
 * What ingest knows of devices, on disk: `ingest-state.jsonl`, with the journal position that it stands for. It is saved
 * after the store has everything before that position, so a restart reads the journal from there, and knows the same.
 *
 * A line for each device: of a million devices it is more than one text can hold.
 */
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { syncFolder } from './quarantine-file.ts'
import type { SavedState } from './state.ts'

export type Saved = {
  position: number
  /** The stretch of the journal's clock, and how many there were: see ledger.ts. */
  stretch: number | null
  turn: number
  state: SavedState
}

type Head = Omit<Saved, 'state'>
type Line = { device: SavedState['devices'][number] } | { memory: SavedState['memory'][number] }

const nothing = (): Saved => ({ position: 0, stretch: null, turn: 0, state: { devices: [], memory: [] } })
const pathIn = (folder: string) => join(folder, 'ingest-state.jsonl')
const pieceChars = 1_000_000

/**
 * Without a readable file everything is learned again from what the journal holds. So it is when the store has come less far:
 * it was emptied, or is another one, and what it lacks must be decided without knowledge of what came later.
 */
export async function loadState(folder: string, storedTo: number, log: Logger): Promise<Saved> {
  const path = pathIn(folder)
  try {
    const saved = await readState(path)
    if (saved.position <= storedTo) return saved
    log.warn({ known: saved.position, stored: storedTo }, 'the store has come less far than what is known of devices')
    // Or it would count again once the store has come as far, on another way.
    await rm(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      log.error({ err: error, path }, 'what was known of devices is unreadable: sequences and counters begin anew')
    }
  }
  return nothing()
}

async function readState(path: string): Promise<Saved> {
  const saved = nothing()
  const file = await open(path)
  try {
    let isHead = true
    for await (const text of file.readLines()) {
      if (isHead) {
        Object.assign(saved, JSON.parse(text) as Head)
        isHead = false
        continue
      }
      const line = JSON.parse(text) as Line
      if ('device' in line) saved.state.devices.push(line.device)
      else saved.state.memory.push(line.memory)
    }
  } finally {
    await file.close().catch(() => {})
  }
  if (!Number.isSafeInteger(saved.position)) throw new Error('it tells no position')
  return saved
}

/** The file's text, in pieces. */
export function stateText({ state, ...head }: Saved): string[] {
  const pieces: string[] = []
  let piece = ''
  const add = (line: Head | Line) => {
    piece += `${JSON.stringify(line)}\n`
    if (piece.length < pieceChars) return
    pieces.push(piece)
    piece = ''
  }
  add(head)
  for (const device of state.devices) add({ device })
  for (const memory of state.memory) add({ memory })
  return [...pieces, piece]
}

/** Resolves when the text is on disk in place of the one before. */
export async function saveState(folder: string, text: string[]): Promise<void> {
  const path = pathIn(folder)
  const file = await open(`${path}.new`, 'w')
  try {
    for (const piece of text) await file.appendFile(piece)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  // The journal forgets what stands before it: after a power loss it must not be the old one again.
  await syncFolder(folder)
}
