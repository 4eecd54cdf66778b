/** Names that ingest writes, and that stores, pages and dashboards ask for. */

/** Tags that every series of a device carries. */
export const siteTag = 'site'
export const deviceTag = 'device'
/** The field of a reading, where the route names no other. */
export const valueField = 'value'
/**
 * Beside a reading whose time is not simply the device's or ours: how it came about (ingest/time.ts), and by how many
 * milliseconds it may be off.
 */
export const timeQualityField = 'time_quality'
export const timeUncertaintyField = 'time_uncertainty_ms'
/** Fields that say something about another field of their point; no channels. */
export const metaFields: readonly string[] = [timeQualityField, timeUncertaintyField]

/**
 * The field of a channel that has no rule of its own: `value` for the unnamed one; else its name, in which everything but
 * letters, digits and - becomes a single _, and none stands at an end: `data.temp` is data_temp, `a[0].b` is a_0_b. Names
 * that mean something else in a store get `_value` behind them.
 */
export function fieldOf(channel: string): string {
  const name = channel.replace(/[^\p{L}\p{M}\p{N}-]+/gu, '_').replace(/^_|_$/g, '')
  if (name === '') return valueField
  return name === 'time' || metaFields.includes(name) ? `${name}_${valueField}` : name
}

/** Stands in a measurement for what the payload calls the quantity, unless a level of the topic has this name. */
export const channelPlaceholder = 'channel'
/** Names in braces in a measurement, `{crop}_{channel}`. */
export const placeholdersOf = (measurement: string): string[] =>
  [...measurement.matchAll(/\{([^{}]*)\}/g)].map((found) => found[1] ?? '')
/** Whether the payload's channel names the measurement, so that its field need not. */
export const takesChannel = (measurement: string, topicNames: readonly string[]): boolean =>
  placeholdersOf(measurement).includes(channelPlaceholder) && !topicNames.includes(channelPlaceholder)

/** What pages call a series of a device: `rainfall`, or `weather.humidity` where a measurement has more than one field. */
export const channelOf = (measurement: string, field: string): string =>
  field === valueField ? measurement : `${measurement}.${field}`

/** The platform's own word on a device, at the time of each change. Tags: site, device. */
export const stateMeasurement = 'device_state'
/** 1: online, asleep or late, nobody need do anything yet; 0: offline or lost. */
export const stateField = 'online'
/** The state (device.ts) as text. */
export const stateNameField = 'state'

/**
 * The completeness ledger: increments for an hour of a device, at the beginning of that hour; only their sum means
 * something. Tags: site, device. Fields, in reports; those that are 0 are left out.
 */
export const ledgerMeasurement = 'completeness'
export const ledgerFields = ['expected', 'received', 'late', 'duplicate', 'missing'] as const

/**
 * Alerts, a point for each change of one: told, suppressed, acknowledged, resolved. Tags: rule, severity, and site and device, or for
 * a group factor and name (site too when that is the factor). Fields: state (firing, resolved), why, suppressed (`none`, or the
 * reason nobody was told), id, and value where it is about one.
 */
export const alertMeasurement = 'alerts'

/**
 * Health of a device, at most once an hour; what is not known is left out. Tags: site, device. `battery_percent` 0 to 100,
 * `battery_days_left` the likeliest, `signal_dbm` a mean over some reports, `reboots_day` of 24 hours, `clock_error_ms` as it sent
 * last, `clock_drift_ppm` since the clock was set, `channels_wrong` how many channels are stuck or impossible.
 */
export const healthMeasurement = 'device_health'
export const healthFields = [
  'battery_percent',
  'battery_days_left',
  'signal_dbm',
  'reboots_day',
  'clock_error_ms',
  'clock_drift_ppm',
  'channels_wrong',
] as const
export type HealthField = (typeof healthFields)[number]

/** What the platform writes itself. */
export const platformMeasurements: readonly string[] = [
  stateMeasurement,
  ledgerMeasurement,
  alertMeasurement,
  healthMeasurement,
]

/** Whether a field is what a device measured, and not what the platform says about it. */
export const isChannel = (measurement: string, field: string): boolean =>
  !platformMeasurements.includes(measurement) && !metaFields.includes(field)

/** Why a store could not take the name as a measurement, or the platform would take it for its own; null when it can. */
export function measurementProblem(name: string): string | null {
  if (name.startsWith('#')) return 'begins with #, InfluxDB takes such a line for a comment'
  if (platformMeasurements.includes(name)) return 'is where the platform writes its own word on devices'
  return nameProblem(name)
}

/** The same for a field. */
export function fieldProblem(name: string): string | null {
  if (name === 'time') return 'is what stores call the time of a point'
  if (metaFields.includes(name)) return 'is where the platform writes how good a time is'
  return nameProblem(name)
}

function nameProblem(name: string): string | null {
  if (name === '') return 'is empty'
  if (/\p{Cc}/u.test(name)) return 'holds control characters'
  if (name.includes('\\')) return 'holds a backslash'
  return name.startsWith('_') ? 'begins with _, such names belong to InfluxDB' : null
}

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
