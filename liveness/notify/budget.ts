/** So many in a minute, and no more at once: a bucket of tokens that fills evenly. */
import type { Clock } from '../../telemetry/clock.ts'

export type Budget = {
  /** Milliseconds until one may be sent; 0: now. */
  waitMs(): number
  spend(): void
}

const minuteMs = 60_000

/** @param clock one that is never set back, such as steadyClock. */
export function createBudget(perMinuteMax: number, clock: Clock): Budget {
  let tokens = perMinuteMax
  let filledAtMs = clock.nowMs()

  function fill(): void {
    const nowMs = clock.nowMs()
    tokens = Math.min(perMinuteMax, tokens + ((nowMs - filledAtMs) * perMinuteMax) / minuteMs)
    filledAtMs = nowMs
  }

  return {
    waitMs() {
      fill()
      // Sums of parts of a token end a hair below the whole.
      return tokens >= 1 - 1e-6 ? 0 : Math.ceil(((1 - tokens) * minuteMs) / perMinuteMax)
    },
    spend() {
      fill()
      tokens -= 1
    },
  }
}
