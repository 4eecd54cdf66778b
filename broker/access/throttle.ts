/** Holds messages back that came too fast, client by client, in their order. What is held is bounded by what is read. */
import { setTimeout as sleep } from 'node:timers/promises'

export type Throttle = {
  /** Null: go on at once. Else it resolves when the message may go on. */
  hold(client: object, waitMs: number): Promise<void> | null
}

export function createThrottle(): Throttle {
  /** When the last message held for the client goes on. */
  const held = new WeakMap<object, Promise<void>>()
  return {
    hold(client, waitMs) {
      const before = held.get(client)
      if (before === undefined && waitMs <= 0) return null
      const waits = waitMs > 0 ? sleep(waitMs, undefined, { ref: false }) : Promise.resolve()
      const done = Promise.all([before, waits]).then(() => {
        if (held.get(client) === done) held.delete(client)
      })
      held.set(client, done)
      return done
    },
  }
}
