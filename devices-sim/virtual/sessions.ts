/** Which clients the virtual broker keeps a session for: all that a device hears of it is whether there is one. */
import { limits } from '../../telemetry/limits.ts'
import type { SimClock } from '../sim-clock.ts'

export type Sessions = {
  /** Whether an earlier session goes on [MQTT-3.2.2-2]. */
  came(clientId: string, clean: boolean): boolean
  left(clientId: string): void
}

export function createSessions(clock: SimClock): Sessions {
  /** When its client left; Infinity: it is here. */
  const leftAtMs = new Map<string, number>()
  return {
    came(clientId, clean) {
      const left = leftAtMs.get(clientId)
      if (clean) leftAtMs.delete(clientId)
      else leftAtMs.set(clientId, Number.POSITIVE_INFINITY)
      return !clean && left !== undefined && clock.nowMs() - left < limits.sessionExpiryMs
    },
    left(clientId) {
      if (leftAtMs.has(clientId)) leftAtMs.set(clientId, clock.nowMs())
    },
  }
}
