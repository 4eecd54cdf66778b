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

/** setTimeout() takes no more; longer waits are made of several. */
const timeoutMsMax = 2 ** 31 - 1

export function createRealClock(): SimClock {
  return {
    nowMs: Date.now,
    at(timeMs, run) {
      let timer: NodeJS.Timeout
      const wait = () => {
        const leftMs = timeMs - Date.now()
        timer = setTimeout(leftMs > timeoutMsMax ? wait : run, Math.max(0, Math.min(leftMs, timeoutMsMax)))
      }
      wait()
      return () => clearTimeout(timer)
    },
  }
}

type Due = { timeMs: number; nth: number; run: (() => void) | null }

export function createVirtualClock(startMs: number): VirtualClock {
  let nowMs = startMs
  let calls = 0
  const due = createHeap<Due>((a, b) => a.timeMs - b.timeMs || a.nth - b.nth)
  const skipForgotten = () => {
    while (due.first()?.run === null) due.take()
  }
  return {
    nowMs: () => nowMs,
    at(timeMs, run) {
      const it: Due = { timeMs: Math.max(timeMs, nowMs), nth: calls++, run }
      due.add(it)
      return () => {
        it.run = null
      }
    },
    runUntil(timeMs) {
      for (let next = due.first(); next !== undefined && next.timeMs <= timeMs; next = due.first()) {
        due.take()
        if (next.run === null) continue
        nowMs = next.timeMs
        next.run()
      }
      nowMs = Math.max(nowMs, timeMs)
    },
    nextMs() {
      skipForgotten()
      return due.first()?.timeMs ?? null
    },
  }
}
