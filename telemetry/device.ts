/** A device is named by its site and its own name, both taken from levels of the topic. */
export type DeviceName = { site: string; device: string }

/**
 * never-seen: expected, and has not been heard yet. online: a connection speaks for it, or it reports as it said. asleep: it
 * left by itself, and is not due yet. late: a report is due, and did not come. offline: its connection broke, or it left without a
 * word of when it comes back. lost: more reports than its contract allows did not come.
 */
export const deviceStates = ['never-seen', 'online', 'asleep', 'late', 'offline', 'lost'] as const
export type DeviceState = (typeof deviceStates)[number]

/** A device's state and why. Times: milliseconds since 1970. */
export type DeviceStatus = DeviceName & {
  state: DeviceState
  why: string
  sinceMs: number
  /** 0: never. */
  lastSeenMs: number
  /** asleep: when it means to wake; otherwise when its next report is due; null: nobody knows. */
  dueMs: number | null
  /** Its alert stands: it is offline or lost, and not by its own wish. */
  isAlerting: boolean
}

/**
 * A status that differs from the one before; travels as an event, and as JSON into the journal. `isCut`: its connection broke, so it is told at
 * that moment; any other silence is noticed when it has lasted.
 */
export type StateChange = DeviceStatus & { atUs: number; isCut: boolean }

/** Site and device cannot hold a slash, so this is one-to-one. */
export const deviceKey = (name: DeviceName): string => `${name.site}/${name.device}`
