/**
 * What kind of device it is: sensors, firmware, radio, cell, and what goes wrong with it. Scenarios (scenario/) are lists of these;
 * every field is filled in there, by the defaults of one table.
 */
import { cellNames as batteryNames } from '../telemetry/cells.ts'
import type { CodecOptions } from '../telemetry/route.ts'

export const sensorNames = [
  'rain',
  'rain-counter',
  'pulse',
  'voltage',
  'satellite',
  'position',
  'captions',
  'lab',
] as const
export type SensorName = (typeof sensorNames)[number]

/** What simulated firmware can speak; each has a topic of its own: `sensors/{site}/{device}/{format}`, `value` one for each channel. */
export const formats = [
  'value',
  'json',
  'senml-json',
  'senml-cbor',
  'cbor',
  'msgpack',
  'packed',
  'cayenne-lpp',
  'csv',
  'struct',
  'influx',
  'text',
  'sparkplug-b',
] as const satisfies readonly CodecOptions['codec'][]
export type Format = (typeof formats)[number]

/** none: the server's time of arrival counts; uptime: seconds since the boot; relative: "so long ago"; rtc: the time of day. */
export type DeviceClock = 'none' | 'uptime' | 'relative' | 'rtc'

/** A fault of a sensor, of the clock, of the firmware; each happens at random times of the run, or at `atS` seconds from its start. */
export const faultNames = [
  'stuck',
  'spike',
  'drift',
  'gain',
  'counter-reset',
  'clock-1970',
  'clock-skew',
  'truncated',
  'reboot',
  'brown-out',
  'death',
  'twin',
] as const
export type FaultName = (typeof faultNames)[number]
export type FaultPlan = {
  fault: FaultName
  /** Part of the devices of the profile that ever have it, 0 to 1. */
  share: number
  /** How often per device-day where it comes at random; null: once, at atS. */
  perDay: number | null
  /** Seconds from the start of the run. */
  atS: number | null
  /** How long it lasts, seconds; 0: a moment (reboot, truncated), or for ever (death, gain, twin). */
  lastsS: number
  /** By fault: drift per hour, gain as a factor, skew in ppm; else 0. */
  amount: number
}

export type LinkProfile = {
  /** One way: mean, and standard deviation. */
  latencyMs: number
  jitterMs: number
  /** Bits in a second, each way; 0: no limit. */
  bitsPerS: number
  /** Gilbert-Elliott by packet: good to bad, bad to good, loss in bad; TCP turns a loss into a wait, not into a hole. */
  goodToBad: number
  badToGood: number
  lossInBad: number
  /** Outages: mean time between them and mean length, seconds; 0: none. */
  outageEveryS: number
  outageLastsS: number
  /** Part of the outages in which nobody is told: the socket stays half-open. */
  halfOpen: number
  /** A NAT forgets a connection that is silent for so long, seconds; 0: never. */
  natTimeoutS: number
  /** Part of the publishes that the firmware sends twice, and that come late by up to delayMsMax. */
  duplicate: number
  delayMsMax: number
}

export const radioNames = ['lte-m', 'nb-iot', 'esp32-wifi', 'lora-backhaul', 'ble-gateway', 'mains'] as const
export type RadioName = (typeof radioNames)[number]
export const cellNames = [...batteryNames, 'mains'] as const
export type CellName = (typeof cellNames)[number]

export type Profile = {
  name: string
  site: string
  /** How many devices; named `{prefix}-0001` on. */
  count: number
  prefix: string
  sensors: SensorName[]
  /** Between two samples. */
  sampleEveryS: number
  /** Samples in a report. */
  batch: number
  format: Format
  compression: 'none' | 'gzip' | 'zlib'
  qos: 0 | 1
  clock: DeviceClock
  /** Whether reports carry a sequence and a boot count, and say when the next one comes. */
  sequence: boolean
  boot: boolean
  announcesNext: boolean
  /** held: connected all the time; wake: connects for each report, and leaves with DISCONNECT. */
  connection: 'held' | 'wake'
  keepAliveS: number
  /** A session that the broker keeps (clean: false). */
  persistentSession: boolean
  /** Birth and will on the status topic. */
  tellsStatus: boolean
  /** Reports that fit into flash; the oldest is dropped for a new one. */
  flashReports: number
  /** Unacknowledged publishes at once. */
  window: number
  /** After a failure it tries again after so long, doubled each time up to 64 times, with jitter. */
  retryS: number
  acknowledgeTimeoutS: number
  radio: RadioName
  cell: CellName
  /** Whole board asleep, µA. */
  boardUa: number
  tls: 'none' | '1.2' | '1.3' | '1.2-psk'
  solar: boolean
  link: LinkProfile
  faults: FaultPlan[]
  /** Devices join over so many seconds from the start of the run: a fleet that grows. */
  joinOverS: number
  /** The gateway they share by tens, hundreds …: its outage is theirs; 0: none. */
  perGateway: number
}
