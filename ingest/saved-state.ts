/**
 * What ingest knows of devices, on disk: `ingest-state.json`, with the journal position that it stands for. It is saved
 * after the store has everything before that position, so a restart reads the journal from there, and knows the same.
 */
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { SavedState } from './state.ts'

export type Saved = {
  position: number
  /** The stretch of the journal's clock, and how many there were: see ledger.ts. */
  stretch: number | null
  turn: number
  state: SavedState | null
}

const nothing: Saved = { position: 0, stretch: null, turn: 0, state: null }
const pathIn = (folder: string) => join(folder, 'ingest-state.json')

/** Without a readable file everything is learned again from what the journal holds. */
export async function loadState(folder: string, log: Logger): Promise<Saved> {
  const path = pathIn(folder)
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Saved
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      log.error({ err: error, path }, 'what was known of devices is unreadable: sequences and counters begin anew')
    }
    return nothing
  }
}

/** Resolves when the text is on disk in place of the one before. */
export async function saveState(folder: string, text: string): Promise<void> {
  const path = pathIn(folder)
  const file = await open(`${path}.new`, 'w')
  await file
    .writeFile(text)
    .then(() => file.datasync())
    .finally(() => file.close())
  await rename(`${path}.new`, path)
}
