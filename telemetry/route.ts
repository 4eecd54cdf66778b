/** A Route as configured, every default filled in: which topics become which points. */
import type { FieldType } from './point.ts'
import { channelOf } from './schema.ts'

/** Where json, cbor and msgpack payloads hold what. Paths: `a.b`, `a[0]`, `$.a` from the root; `[]` walks an array. */
export type TreeLayout = {
  /** Path of the array (or object) that holds the elements; '' is the root. An array gives one report for each element. */
  each: string
  /** Paths of the values, relative to the element; each is a channel of that name. An array of values is a batch. */
  values: string[]
  /** Relative to the element, else looked for at the root. '' everywhere: not there. */
  time: string
  /** Base of `time`: unix takes s, ms, us, ns since 1970 (told apart by size) and ISO 8601; now and boot take seconds. */
  timeBase: 'unix' | 'now' | 'boot'
  /** Path, or number of seconds: the distance between the values of a batch. */
  step: string | number
  /** Each value of a batch but the first is the difference to the one before. */
  deltas: boolean
  sequence: string
  boot: string
  /** The device's clock when it sent, with the base of `time`. */
  sent: string
  /** Seconds until the next report. */
  next: string
}

/** What stands in a column of a csv line, or in a struct member, beside the names of channels. */
export const columnRoles = ['time', 'uptime', 'age', 'seq', 'boot', 'next', '-'] as const

export type CsvLayout = {
  separator: string
  /** For each column a channel name or a role (columnRoles): time since 1970 or ISO 8601; uptime and age in seconds. */
  columns: string[]
  /** Lines at the top that hold no readings. */
  headerLines: number
}

export const structTypes = ['u8', 'i8', 'u16', 'i16', 'u24', 'i24', 'u32', 'i32', 'u64', 'i64', 'f32', 'f64'] as const
export type StructType = (typeof structTypes)[number]

/** `name`: a channel or a role (columnRoles). `bits`: takes so many bits, the lowest first, of the type's value, which the
 * next members with bits share while they fit. `big`: big-endian. */
export type StructMember = { name: string; type: StructType; bits: number | null; big: boolean }

/** `head` once, then `repeat` until the payload ends; `step`: seconds between repeats, counted from the time in head. */
export type StructLayout = { head: StructMember[]; repeat: StructMember[]; step: number }

export type CodecOptions =
  | { codec: 'value' }
  | { codec: 'text' }
  | ({ codec: 'csv' } & CsvLayout)
  | ({ codec: 'json' | 'cbor' | 'msgpack' } & TreeLayout)
  | { codec: 'senml-json' }
  | { codec: 'senml-cbor' }
  | { codec: 'cayenne-lpp' }
  | { codec: 'sparkplug-b' }
  | ({ codec: 'struct' } & StructLayout)
  | { codec: 'packed' }
  | { codec: 'influx' }

export const codecNames = [
  'value',
  'text',
  'csv',
  'json',
  'cbor',
  'msgpack',
  'senml-json',
  'senml-cbor',
  'cayenne-lpp',
  'sparkplug-b',
  'struct',
  'packed',
  'influx',
] as const satisfies Array<CodecOptions['codec']>

export type Compression = 'none' | 'gzip' | 'zlib'

/** A counter of the device becomes what was added since its last report: `per` for each count. */
export type CounterRule = {
  /** Width of the counter: it wraps at 2^bits. */
  bits: number
  /** What one count is worth, in the field's unit. */
  per: number
  /** More than this per hour is no measurement: the counter was reset, or the report is wrong. */
  maxPerHour: number
}

/** What one channel of the payload becomes. */
export type FieldRule = {
  /** As the payload names it; '' is the only, unnamed one. */
  channel: string
  /** Instead of the route's. */
  measurement: string | null
  field: string
  type: FieldType
  unit: string
  /** value = payload * scale + offset, before calibration. */
  scale: number
  offset: number
  /** Lowest and highest valid value after scale, offset and calibration; outside it is quarantined. */
  range: readonly [number, number] | null
  counter: CounterRule | null
}

/** From `fromMs` on (until the next of the same device and channel) the device's value is value * scale + offset. */
export type Calibration = {
  device: string
  /** null: at any site. */
  site: string | null
  /** As in FieldRule; null: every channel of the route. */
  channel: string | null
  fromMs: number
  scale: number
  offset: number
}

/** A test that stands with its route: `expect` is line protocol, time in ms or left out; an empty
 * list: no point, as of the first report of a counter; or the code of the quarantine. */
export type RouteExample = { topic: string; payload: Buffer; expect: string[] | { code: string } }

export type Route = {
  /** Topic pattern (topic.ts); every name becomes a tag. */
  topic: string
  /** May hold {name} of a topic level, or {channel}: what the payload calls the quantity. */
  measurement: string
  /** Of channels without a rule of their own. */
  unit: string
  payload: CodecOptions
  compression: Compression
  /** Tags with a fixed value. */
  tags: { [name: string]: string }
  fields: FieldRule[]
  /** What one count of sequence numbers spans: one topic, or all topics of a device. */
  sequencePer: 'topic' | 'device'
  /** A device clock that is ahead of ours by more is wrong. */
  aheadMsMax: number
  /** Readings older than this are flagged; null: any age is believed. */
  behindMsMax: number | null
  /** Its devices report so often; null: nobody has said. */
  everyMs: number | null
  calibration: Calibration[]
  examples: RouteExample[]
}

/** Everything that a route may leave out. */
export const routeDefaults = {
  unit: '',
  payload: { codec: 'value' },
  compression: 'none',
  tags: {},
  fields: [],
  sequencePer: 'topic',
  aheadMsMax: 10 * 60_000,
  behindMsMax: null,
  everyMs: null,
  calibration: [],
  examples: [],
} as const satisfies Partial<Route>

export const createRoute = (route: Pick<Route, 'topic' | 'measurement'> & Partial<Route>): Route => ({
  ...structuredClone(routeDefaults),
  ...route,
})

export const fieldRuleDefaults = {
  channel: '',
  measurement: null,
  type: 'float',
  unit: '',
  scale: 1,
  offset: 0,
  range: null,
  counter: null,
} as const satisfies Partial<FieldRule>

export const treeDefaults: TreeLayout = {
  each: '',
  values: ['v'],
  time: 't',
  timeBase: 'unix',
  step: 'dt',
  deltas: false,
  sequence: 'seq',
  boot: 'boot',
  sent: 'sent',
  next: 'next',
}

/** The unit of a channel (channelOf) as the routes name it; '' when only payloads do, or nobody does. */
export function unitOf(routes: Route[], channel: string): string {
  for (const { measurement, unit, fields } of routes) {
    const rule = fields.find((it) => channelOf(it.measurement ?? measurement, it.field) === channel)
    if (rule !== undefined && rule.unit !== '') return rule.unit
    if (measurement === channel) return unit
  }
  return ''
}
