/** What joins the journal's parts and the workers that write them. */
import { join } from 'node:path'
import { forkWorker } from './broker/workers/fork.ts'
import type { WorkerStatus, WorkersOptions } from './broker/workers/workers.ts'
import { claimSoon } from './data-folder.ts'
import type { JournalState, JournalStats } from './journal/journal.ts'
import { type Parts, partFolder, partsIn } from './journal/parts/parts.ts'
import type { WholeJournal } from './journal/parts/whole.ts'
import { addTimes } from './telemetry/times.ts'
import type { PartSetup } from './worker.ts'

/** A worker outlives a killed main process by a moment: nobody else may look at its part before it is gone. */
export async function awaitOldWorkers(folder: string): Promise<void> {
  for (const part of await partsIn(folder)) {
    const claimed = await claimSoon(partFolder(folder, part))
    await claimed.release()
  }
}

/** `grown`: a part has grown, so the journal may be full. */
export function workersOf(
  parts: Parts,
  count: number,
  folder: string,
  logLevel: string,
  grown: () => void,
): WorkersOptions {
  const entry = join(import.meta.dirname, 'worker.js')
  return {
    count,
    endOf: parts.endOf,
    partGrew(part, end) {
      parts.grew(part, end)
      grown()
    },
    recoverPart: parts.recover,
    start(part, setup) {
      const own: PartSetup = { part, folder: partFolder(folder, part), startAt: parts.endOf(part), logLevel }
      return forkWorker(entry, { setup, part: own })
    },
  }
}

/** The first problem of any part. */
export function journalStatus(whole: WholeJournal, workers: readonly WorkerStatus[]): JournalState {
  const own = whole.status()
  const detail = workers.find(({ full }) => full !== '')?.full
  return own.state === 'ok' && detail !== undefined ? { state: 'full', detail } : own
}

/** Of all parts together. */
export function journalStats(whole: WholeJournal, workers: readonly WorkerStatus[]): JournalStats {
  const own = whole.own.stats()
  const others = workers.flatMap(({ journal }) => (journal === null ? [] : [journal]))
  const sum = (of: (it: { segments: number; syncs: number; unsyncedBytes: number }) => number) =>
    others.reduce((total, it) => total + of(it), of(own))
  return {
    bytes: whole.heldBytes(),
    segments: sum((it) => it.segments),
    syncs: sum((it) => it.syncs),
    syncTimes: others.reduce((total, it) => addTimes(total, it.syncTimes), own.syncTimes),
    unsyncedBytes: sum((it) => it.unsyncedBytes),
    waiting: own.waiting,
  }
}
