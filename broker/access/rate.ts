/** How fast one client's messages are taken: more of them wait, unacknowledged, and so hold up their sender alone. */
import { limits } from '../../telemetry/limits.ts'

export type Rate = {
  /** Milliseconds until the next message, of so many bytes, may be taken; it counts as taken then. */
  waitMs(bytes: number, nowMs: number): number
  /** Whether the next message may be taken now; only then it counts as taken. */
  takesNow(bytes: number, nowMs: number): boolean
  /** How long it would take until both are full again: what another process must know to go on with the same rate. */
  ahead(nowMs: number): RateAhead
  /** From now on at least so far ahead, since that was taken elsewhere. */
  catchUp(ahead: RateAhead, nowMs: number): void
}

/** Milliseconds. */
export type RateAhead = { messagesMs: number; bytesMs: number }

/** Two token buckets, told by the time at which each would be full again (GCRA). */
export function createRate(): Rate {
  let messagesMs = 0
  let bytesMs = 0
  function lateMs(nowMs: number): number {
    const messagesLate = messagesMs - nowMs - (1000 * limits.deviceMessagesBurst) / limits.deviceMessagesPerS
    const bytesLate = bytesMs - nowMs - (1000 * limits.deviceBytesBurst) / limits.deviceBytesPerS
    return Math.max(0, messagesLate, bytesLate)
  }
  function take(bytes: number, nowMs: number): void {
    messagesMs = Math.max(messagesMs, nowMs) + 1000 / limits.deviceMessagesPerS
    bytesMs = Math.max(bytesMs, nowMs) + (1000 * bytes) / limits.deviceBytesPerS
  }
  return {
    waitMs(bytes, nowMs) {
      const waitMs = Math.ceil(lateMs(nowMs))
      take(bytes, nowMs)
      return waitMs
    },
    takesNow(bytes, nowMs) {
      if (lateMs(nowMs) > 0) return false
      take(bytes, nowMs)
      return true
    },
    ahead: (nowMs) => ({ messagesMs: Math.max(0, messagesMs - nowMs), bytesMs: Math.max(0, bytesMs - nowMs) }),
    catchUp(ahead, nowMs) {
      messagesMs = Math.max(messagesMs, nowMs + ahead.messagesMs)
      bytesMs = Math.max(bytesMs, nowMs + ahead.bytesMs)
    },
  }
}
