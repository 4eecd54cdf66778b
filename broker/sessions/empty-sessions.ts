/**
 * Sessions that hold nothing, and so are none to the store, have an owner all the same: a device that only publishes may
 * say that its session shall last. They end as others do, in memory alone.
 */
import type { Counters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'

export type EmptySessions = {
  left(client: string): void
  back(client: string): void
  /** Ends those whose client was away for too long. */
  sweep(): void
}

/** `owners`: by client identifier. `end` ends a session with its owner. */
export function createEmptySessions(
  owners: ReadonlyMap<string, unknown>,
  end: (client: string) => void,
  counters: Counters,
  now: () => number,
): EmptySessions {
  /** When their clients went away, the first first. */
  const away = new Map<string, number>()

  function expire(client: string): void {
    away.delete(client)
    counters.sessionsExpired++
    end(client)
  }

  return {
    left(client) {
      if (!owners.has(client)) return
      away.delete(client)
      away.set(client, now())
      if (away.size > limits.sessionsMax) expire(away.keys().next().value as string)
    },
    back: (client) => void away.delete(client),
    sweep() {
      for (const [client, leftAtMs] of away) {
        if (leftAtMs + limits.sessionExpiryMs > now()) return
        expire(client)
      }
    },
  }
}
