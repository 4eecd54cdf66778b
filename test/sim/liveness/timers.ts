/** The timers of the liveness stage on the virtual clock, beside what the fleet has to do. */
import type { VirtualClock } from '../../../devices-sim/sim-clock.ts'

export type Timers = {
  every(ms: number, run: () => void): () => void
  /** By the server's clock. There is one at a time. */
  at(timeMs: number, run: () => void): () => void
  /** Does what is due next, by the fleet or by a timer, but nothing after that time. */
  step(untilMs: number): void
}

/** `offsetMs`: how far the server's clock is off. */
export function createTimers(clock: VirtualClock, offsetMs: () => number): Timers {
  let everies: Array<{ ms: number; nextMs: number; run: () => void }> = []
  let alarm: { atMs: number; run: () => void } | null = null

  return {
    every(ms, run) {
      const it = { ms, nextMs: clock.nowMs() + ms, run }
      everies.push(it)
      return () => {
        everies = everies.filter((other) => other !== it)
      }
    },
    at(timeMs, run) {
      const it = { atMs: timeMs - offsetMs(), run }
      alarm = it
      return () => {
        if (alarm === it) alarm = null
      }
    },
    step(untilMs) {
      let nextMs = Math.min(
        untilMs,
        clock.nextMs() ?? Number.POSITIVE_INFINITY,
        alarm?.atMs ?? Number.POSITIVE_INFINITY,
      )
      for (const it of everies) nextMs = Math.min(nextMs, it.nextMs)
      clock.runUntil(Math.max(clock.nowMs(), nextMs))
      for (const it of everies) {
        if (it.nextMs > nextMs) continue
        it.nextMs = nextMs + it.ms
        it.run()
      }
      if (alarm === null || alarm.atMs > nextMs) return
      const { run } = alarm
      alarm = null
      run()
    },
  }
}
