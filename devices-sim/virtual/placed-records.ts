/**
 * What the journal has just taken, for whom follows it in virtual time: no file is read, and whoever waits for `taken()` knows that all of it
 * was heard. So the moment at which it is heard depends on nothing but the virtual clock.
 */
import { deferred } from '../../telemetry/deferred.ts'
import type { Record } from '../../telemetry/message.ts'

type Chunk = { records: Record[]; next: number; damagedBytes: number }

export type PlacedRecords = {
  place(record: Record): void
  /** Whether something waits to be read. */
  waiting(): boolean
  /** Resolves when everything that was placed, and what was placed because of it, was read and dealt with. */
  taken(): Promise<void>
  /** `end`: the position behind the last record that was placed. */
  source(end: () => number): { read(): Promise<Chunk>; close(): Promise<void> }
  /** Nothing more will be placed; what waits is not read. */
  end(): void
}

export function createPlacedRecords(): PlacedRecords {
  let placed: Record[] = []
  let endOf = () => 0
  let hasEnded = false
  let answer: ((chunk: Chunk) => void) | null = null
  let asked = deferred()

  return {
    place: (record) => placed.push(record),
    waiting: () => placed.length > 0,
    async taken() {
      while (placed.length > 0) {
        await asked.promise
        if (answer === null) return
        asked = deferred()
        const records = placed
        placed = []
        answer({ records, next: endOf(), damagedBytes: 0 })
        await asked.promise
      }
    },
    source(end) {
      endOf = end
      return {
        read: () =>
          new Promise<Chunk>((resolve) => {
            if (hasEnded) return resolve({ records: [], next: endOf(), damagedBytes: 0 })
            answer = resolve
            asked.resolve()
          }),
        async close() {},
      }
    },
    end() {
      hasEnded = true
      answer?.({ records: [], next: endOf(), damagedBytes: 0 })
      answer = null
      asked.resolve()
    },
  }
}
