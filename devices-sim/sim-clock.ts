/**
 * The time of a simulation. Real: the machine's, so that devices talk to a server. Virtual: it stands still while anything is
 * done and leaps to what is due next, so that a year of a fleet takes minutes and a seed gives the same run every time.
 */
import { createHeap } from './heap.ts'

export type SimClock = {
  /** Milliseconds since 1970. */
  nowMs(): number
  /** Runs it at that time, or as soon as possible; those of one time in the order of the calls. Answers how to forget it. */
  at(timeMs: number, run: () => void): () => void
}

export type VirtualClock = SimClock & {
  /** Does what is due up to and with that time, and stands there then. */
  runUntil(timeMs: number): void
  /** When the next thing is due; null: nothing is. */
  nextMs(): number | null
}

type Due = { timeMs: number; nth: number; run: (() => void) | null }

/** What is to be done, in the order of times, and of calls where times are equal. */
function createAgenda() {
  let calls = 0
  const due = createHeap<Due>((a, b) => a.timeMs - b.timeMs || a.nth - b.nth)
  const next = (): Due | undefined => {
    while (due.first()?.run === null) due.take()
    return due.first()
  }
  return {
    add(timeMs: number, run: () => void): () => void {
      const it: Due = { timeMs, nth: calls++, run }
      due.add(it)
      return () => {
        it.run = null
      }
    },
    nextMs: (): number | null => next()?.timeMs ?? null,
    /** Takes what is due by then, or null. */
    take(timeMs: number): Due | null {
      const it = next()
      if (it === undefined || it.timeMs > timeMs) return null
      due.take()
      return it
    },
  }
}

/** setTimeout() takes no more; longer waits are made of several. */
const timeoutMsMax = 2 ** 31 - 1
/** Sockets get their turn of the event loop between so many. */
const runsPerTurn = 1_000

/** One timer of Node's for all: its own do not keep the order of times, and there may be a hundred thousand devices. */
export function createRealClock(): SimClock {
  const agenda = createAgenda()
  let timer: NodeJS.Timeout | null = null
  let timerMs = Infinity

  function wait(): void {
    const nextMs = agenda.nextMs() ?? Infinity
    if (nextMs >= timerMs) return
    if (timer !== null) clearTimeout(timer)
    timerMs = nextMs
    timer = setTimeout(runDue, Math.max(0, Math.min(nextMs - Date.now(), timeoutMsMax)))
  }
  function runDue(): void {
    timer = null
    timerMs = Infinity
    const nowMs = Date.now()
    for (let runs = 0; runs < runsPerTurn; runs++) {
      const it = agenda.take(nowMs)
      if (it === null) break
      it.run?.()
    }
    wait()
  }
  return {
    nowMs: Date.now,
    at(timeMs, run) {
      const forget = agenda.add(timeMs, run)
      wait()
      return () => {
        forget()
        // Nothing is left that should keep the process.
        if (agenda.nextMs() !== null || timer === null) return
        clearTimeout(timer)
        timer = null
        timerMs = Infinity
      }
    },
  }
}

export function createVirtualClock(startMs: number): VirtualClock {
  let nowMs = startMs
  const agenda = createAgenda()
  return {
    nowMs: () => nowMs,
    at: (timeMs, run) => agenda.add(Math.max(timeMs, nowMs), run),
    runUntil(timeMs) {
      for (let next = agenda.take(timeMs); next !== null; next = agenda.take(timeMs)) {
        nowMs = next.timeMs
        next.run?.()
      }
      nowMs = Math.max(nowMs, timeMs)
    },
    nextMs: agenda.nextMs,
  }
}
