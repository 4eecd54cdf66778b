/** How fast one client's messages are taken: more of them wait, unacknowledged, and so hold up their sender alone. */
import { limits } from '../../telemetry/limits.ts'

export type Rate = {
  /** Milliseconds until the next message, of so many bytes, may be taken; it counts as taken then. */
  waitMs(bytes: number, nowMs: number): number
}

/** Two token buckets, told by the time at which each would be full again (GCRA). */
export function createRate(): Rate {
  let messagesMs = 0
  let bytesMs = 0
  return {
    waitMs(bytes, nowMs) {
      const messagesLate = messagesMs - nowMs - (1000 * limits.deviceMessagesBurst) / limits.deviceMessagesPerS
      const bytesLate = bytesMs - nowMs - (1000 * limits.deviceBytesBurst) / limits.deviceBytesPerS
      messagesMs = Math.max(messagesMs, nowMs) + 1000 / limits.deviceMessagesPerS
      bytesMs = Math.max(bytesMs, nowMs) + (1000 * bytes) / limits.deviceBytesPerS
      return Math.max(0, Math.ceil(messagesLate), Math.ceil(bytesLate))
    },
  }
}
