/**
 * Readers that wait for the journal to grow. They are told every few milliseconds, or when there is much to read, not at
 * each sync: a read costs them the same for one record and for a thousand.
 */
import { limits } from '../telemetry/limits.ts'

export type Telling = {
  /** Resolves when there is something behind the position that is worth a read, or when nothing more will come. */
  grown(position: number): Promise<void>
  /** The journal has grown. */
  tell(): void
  /** Nothing more will come. */
  close(): void
}

export function createTelling(durable: () => number): Telling {
  const waiters = new Set<{ position: number; resolve: () => void }>()
  /** What was durable when it was told last: whoever is behind that does not wait. */
  let told = durable()
  let toldAt = 0
  let timer: NodeJS.Timeout | null = null
  let closed = false

  const isMuch = (position: number) => position < told || durable() - position >= limits.readersTellBytes
  const restMs = () => toldAt + limits.readersTellMs - performance.now()

  function tellAll(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
    toldAt = performance.now()
    told = durable()
    for (const waiter of waiters) {
      if (durable() <= waiter.position && !closed) continue
      waiters.delete(waiter)
      waiter.resolve()
    }
  }

  function tell(): void {
    if (waiters.size === 0) return
    let isDue = restMs() <= 0
    for (const { position } of waiters) isDue ||= isMuch(position)
    if (isDue) tellAll()
    else timer ??= setTimeout(tellAll, restMs())
  }

  return {
    grown(position) {
      if (closed || isMuch(position)) return Promise.resolve()
      return new Promise((resolve) => {
        waiters.add({ position, resolve })
        if (durable() > position) tell()
      })
    },
    tell,
    close() {
      closed = true
      tellAll()
    },
  }
}
