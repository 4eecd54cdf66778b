/**
 * Messages kept for a person, with the reason, until a replay decides them, or a limit drops them (counted).
 *
 * Lines of JSON (quarantine-line.ts) in two files, the newer and the older half of what the size limit allows: when the newer is
 * full, the older is dropped. An entry's id is its journal position, so what comes twice is kept once.
 *
 * Ingest calls keep() and resolve() before the store's commit. When the commit has to be tried again, so are they, and change
 * nothing: a resolution names the position of the replay that made it. After a crash a start undoes what no commit followed.
 */
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../telemetry/clock.ts'
import type { Counters } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import { type QuarantineView, quarantineId, toEntry } from '../telemetry/quarantine.ts'
import type { Quarantined } from './batch.ts'
import { createEntries } from './quarantine-entries.ts'
import { openLineFile, readLines, replaceLines, syncFolder, writeLines } from './quarantine-file.ts'
import { type Line, positionOf, type Resolution, toLine } from './quarantine-line.ts'

export type { Resolution } from './quarantine-line.ts'

export type Quarantine = QuarantineView & {
  /** On the list, or announced. */
  has(id: string): boolean
  /** In memory only: keep() will be called for it with the batch. */
  announce(id: string): void
  /** Journal position of the replay that decided the entry, on disk or by claim(); null: none did. */
  resolutionOf(id: string): number | null
  /** In memory only: from now on other replays of the entry are too late, though resolve() is called with the batch. */
  claim(id: string, by: number): void
  /**
   * Resolves when the entries are on disk. An entry that is there already gets the new reason if a later record decided it;
   * one that was resolved by `decidedAt` itself is there again (the first try crashed before the commit).
   */
  keep(kept: Quarantined[]): Promise<void>
  /** The entries are decided, and leave the list. Resolves when that is on disk. */
  resolve(resolutions: Resolution[]): Promise<void>
  close(): Promise<void>
}

export type QuarantineOptions = {
  folder: string
  /**
   * From this journal position on ingest decides again, perhaps by other routes: what was written for records from here on was
   * followed by no commit, and is left out.
   */
  committed: number
  counters: Counters
  /** The journal's: by it entries grow old, so that a wrong clock of ours at a start costs nobody a message. */
  clock: Clock
  bytesMax?: number
  ageMsMax?: number
}

export async function openQuarantine(options: QuarantineOptions): Promise<Quarantine> {
  const { folder, committed, counters, clock } = options
  const { bytesMax = limits.quarantineBytesMax, ageMsMax = limits.quarantineAgeMsMax } = options
  const path = join(folder, 'quarantine.jsonl')
  const olderPath = join(folder, 'quarantine.older.jsonl')
  const nextPath = join(folder, 'quarantine.next.jsonl')

  await finishTurnOver()
  const entries = createEntries(counters)
  for (const [half, from] of [['older', olderPath] as const, ['newer', path] as const]) {
    for (const line of (await readLines(from)).map(toLine)) {
      if (line !== null && positionOf(line) < committed) entries.apply(line, half)
      else entries.leaveOut(half)
    }
  }
  // The older first: until the newer is replaced too, its lines say the same again.
  for (const [half, to] of [['older', olderPath] as const, ['newer', path] as const]) {
    if (entries.isStale(half)) await replaceLines(to, entries.linesOf(half))
  }
  let file = await openLineFile(path)
  const announced = new Set<string>()

  /** A turn-over that a crash cut in two: the newer file has become the older one, and the next has not moved up. */
  async function finishTurnOver(): Promise<void> {
    if (existsSync(path)) await rm(nextPath, { force: true })
    else if (existsSync(nextPath)) await rename(nextPath, path)
  }

  async function turnOver(): Promise<void> {
    // What was resolved stays known, or a replay that is on its way would count twice.
    await writeLines(nextPath, entries.carriedOver())
    await rename(path, olderPath)
    await rename(nextPath, path)
    await syncFolder(folder)
    entries.turnOver()
    const next = await openLineFile(path)
    await file.close()
    file = next
  }

  async function write(lines: Line[]): Promise<void> {
    if (lines.length === 0) return
    if (file.bytes() >= bytesMax / 2) await turnOver()
    await file.append(lines)
    for (const line of lines) entries.apply(line, 'newer')
  }

  function oldestUs(): number {
    return (clock.nowMs() - ageMsMax) * 1000
  }

  /** What must be written to have the message kept as given; nothing when it is. */
  function lineOf({ record, code, reason, configVersion, decidedAt = record.position }: Quarantined): Line[] {
    const id = quarantineId(record)
    const known = entries.get(id)
    if (known === undefined) {
      const by = entries.resolutionOf(id)
      if (by !== null && by !== decidedAt) return []
      return [toEntry(record, { code, reason, configVersion, decidedAt })]
    }
    if (known.decidedAt >= decidedAt) return []
    return [{ updated: id, code, reason, configVersion, decidedAt }]
  }

  return {
    get: entries.get,
    has: (id) => announced.has(id) || entries.get(id) !== undefined,
    announce: (id) => announced.add(id),
    list: entries.list,
    counts: entries.counts,
    resolutionOf: entries.resolutionOf,
    claim: entries.claim,
    async keep(kept) {
      if (entries.expire(oldestUs())) await write([{ expired: oldestUs() }])
      // A message of many points may come several times, each with a reason: the first one stands.
      const first = new Map(kept.toReversed().map((it) => [quarantineId(it.record), it]))
      const lines = [...first.values()].toReversed().flatMap(lineOf)
      await write(lines)
      for (const { record, decidedAt } of kept) {
        announced.delete(quarantineId(record))
        if (decidedAt !== undefined) entries.disclaim(quarantineId(record), decidedAt)
      }
    },
    async resolve(resolutions) {
      const open = resolutions.filter(({ id }) => entries.writtenResolutionOf(id) === null)
      await write(open.map(({ id, by }) => ({ resolved: id, by })))
    },
    close: () => file.close(),
  }
}
