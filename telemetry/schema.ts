/** Names that ingest writes, and that stores, pages and dashboards ask for. */

/** Tags that every series of a device carries. */
export const siteTag = 'site'
export const deviceTag = 'device'
/** The one field of a reading. */
export const valueField = 'value'

/** The platform's own word on a device: 1 online, 0 offline, at the time of the change. Tags: site, device. */
export const stateMeasurement = 'device_state'
export const stateField = 'online'

/** The channels of the default routes, with unit and what a plausible value is. */
export const defaultChannels = {
  rainfall: { unit: 'mm' },
  pulse: { unit: 'beat/min' },
  voltage: { unit: 'V' },
} as const

/** Where devices publish: `sensors/{site}/{device}/{channel}`. */
export const readingTopic = (channel: string) => `sensors/{site}/{device}/${channel}`
/** Birth (`online`) and will (`offline`), retained. */
export const statusTopic = 'sensors/{site}/{device}/status'
/** Where the platform publishes a device's alert, retained until the device is back. */
export const alertTopic = (site: string, device: string) => `alerts/${site}/${device}`
