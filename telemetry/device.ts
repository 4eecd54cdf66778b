/** A device is named by its site and its own name, both taken from levels of the topic. */
export type DeviceName = { site: string; device: string }

/** Device states of the first form; asleep, late and lost are told apart once devices can announce their sleep. */
export type DeviceState = 'online' | 'offline'

/** A device's state and why. Times: milliseconds since 1970. */
export type DeviceStatus = DeviceName & {
  state: DeviceState
  why: string
  sinceMs: number
  lastSeenMs: number
  /** Its alert stands: it is offline, and not by its own wish. */
  isAlerting: boolean
}

/** A status that differs from the one before; travels as an event, and as JSON into the journal. */
export type StateChange = DeviceStatus & { atUs: number }

/** Site and device cannot hold a slash, so this is one-to-one. */
export const deviceKey = (name: DeviceName): string => `${name.site}/${name.device}`
