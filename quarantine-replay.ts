/** The way back: quarantined messages into the journal, as many at a time as a group of it takes. */
import type { Journal } from './journal/journal.ts'
import { type QuarantineEntry, toReplay } from './telemetry/quarantine.ts'

const groupEntriesMax = 500
const groupCharsMax = 1024 * 1024

/** In the order given. Resolves to how many are durable: all, unless the journal has no room. @throws FatalError as accept(). */
export async function replayInto(journal: Journal, entries: QuarantineEntry[]): Promise<number> {
  let done = 0
  // A full journal takes messages of the platform itself, but those are few and small, and these are not.
  while (done < entries.length && journal.hasRoom()) {
    const group: Array<Promise<void>> = []
    for (let chars = 0; group.length < groupEntriesMax && chars < groupCharsMax; ) {
      const entry = entries[done + group.length]
      if (entry === undefined) break
      chars += entry.payload.length
      group.push(journal.accept(toReplay(entry)))
    }
    await Promise.all(group)
    done += group.length
  }
  return done
}
