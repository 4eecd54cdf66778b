/**
 * How the firmware of a profile lays out its payloads: once as the codec takes it, once as telemetry.yaml says it, so that both
 * ends read the same. What a format has no place for is left out, here and nowhere else.
 */
import { StartError } from '../../telemetry/errors.ts'
import type { TimeBase } from '../../telemetry/reading.ts'
import { type CodecOptions, type StructMember, treeDefaults } from '../../telemetry/route.ts'
import type { DeviceClock, Format, Profile } from '../profile.ts'
import type { Quantity } from '../sensor.ts'

export type Layout = {
  /** Those that the format can say. */
  quantities: Quantity[]
  options: CodecOptions
  /** `payload:` of the route. */
  file: string | { [key: string]: unknown }
  /** What the payload calls each quantity; what its codec says of a route's only one is names, too. */
  names: string[]
  timeBase: TimeBase
  /** The same while the clock is not set: not every format can say a time in 1970. */
  unsetTimeBase: TimeBase
  /** What the device really has. */
  clock: DeviceClock
  resolutionMs: number
  /** One value each: a topic for each quantity. */
  isSingle: boolean
  /** Every sample holds all quantities, at equal distances, as whole multiples of their resolution. */
  isFixed: boolean
  samplesMax: number
  /** After so many boots the count begins anew. */
  bootSpan: number
  has: { sequence: boolean; boot: boolean; next: boolean; sent: boolean }
}

const bases: { [clock in DeviceClock]: TimeBase } = { none: 'none', uptime: 'boot', relative: 'now', rtc: 'unix' }
const baseRoles = { unix: 'time', boot: 'uptime', now: 'age' } as const
const numbersOnly: readonly Format[] = ['value', 'packed', 'cayenne-lpp', 'struct']
/** Formats that tell whole seconds. */
const inSeconds: readonly Format[] = ['packed', 'cayenne-lpp', 'struct']
const withSequence: readonly Format[] = ['value', 'json', 'cbor', 'msgpack', 'packed', 'csv', 'struct', 'sparkplug-b']
const withBoot: readonly Format[] = ['json', 'cbor', 'msgpack', 'packed', 'csv', 'struct']
const withNext: readonly Format[] = [...withBoot, 'senml-json', 'senml-cbor']
const withSent: readonly Format[] = ['json', 'cbor', 'msgpack', 'packed']
/** Their head has no flag to leave the count out. */
const alwaysCounted: readonly Format[] = ['packed', 'sparkplug-b']

const canSay = (format: Format, { kind }: Quantity) =>
  kind === 'text' ? !numbersOnly.includes(format) : format !== 'text'

/** @throws StartError when the format can say nothing that the sensors measure */
export function layoutOf(profile: Profile, all: Quantity[]): Layout {
  const { format } = profile
  const quantities = all.filter((it) => canSay(format, it))
  if (quantities.length === 0) {
    const given = all.map(({ channel }) => channel).join(', ')
    throw new StartError(`profile ${profile.name}: format ${format} cannot say ${given || 'nothing'}`)
  }
  const timeBase = timeBaseOf(format, profile.clock)
  const isFixed = format === 'packed' || format === 'struct'
  const sequence = withSequence.includes(format) && (profile.sequence || alwaysCounted.includes(format))
  const boot = withBoot.includes(format) && (profile.boot || format === 'packed')
  const has = {
    sequence,
    boot,
    next: withNext.includes(format) && profile.announcesNext,
    // It changes whenever the report is sent again: only where a count tells that it is the same report.
    sent: withSent.includes(format) && sequence && (timeBase === 'unix' || timeBase === 'boot'),
  }
  const isSingle = format === 'value' || format === 'text'
  const holdsBatch =
    !isSingle &&
    format !== 'cayenne-lpp' &&
    // A csv line with a count is a report of its own.
    !(format === 'csv' && sequence) &&
    !(isFixed && !Number.isInteger(profile.sampleEveryS)) &&
    // Who cannot say when has no use for a batch.
    profile.clock !== 'none'
  const samplesMax = holdsBatch ? profile.batch : 1
  const bootSpan = 2 ** (format === 'packed' ? 8 : 16)
  const names = quantities.map(({ channel, kind }, i) => nameOf(format, channel, kind, i))
  const part = {
    quantities,
    names,
    timeBase,
    unsetTimeBase: unsetTimeBaseOf(format, timeBase),
    clock: profile.clock,
    isSingle,
    isFixed,
    samplesMax,
    bootSpan,
    has,
  }
  const { options, file } = payloadOf(profile, part)
  return { ...part, options, file, resolutionMs: inSeconds.includes(format) ? 1000 : 1 }
}

function timeBaseOf(format: Format, clock: DeviceClock): TimeBase {
  const wanted = bases[clock]
  switch (format) {
    case 'text':
      return 'none'
    case 'value':
    case 'influx':
    case 'cayenne-lpp':
      return wanted === 'unix' ? 'unix' : 'none'
    // It has no other: without a clock that is set, its times count from 1970.
    case 'sparkplug-b':
      return 'unix'
    // Who knows its uptime knows how long ago it was.
    case 'senml-json':
    case 'senml-cbor':
      return wanted === 'boot' ? 'now' : wanted
    case 'packed':
      return wanted === 'none' ? 'now' : wanted
    default:
      return wanted
  }
}

function unsetTimeBaseOf(format: Format, timeBase: TimeBase): TimeBase {
  if (timeBase !== 'unix') return timeBase
  return format === 'senml-json' || format === 'senml-cbor' ? 'now' : format === 'influx' ? 'none' : 'unix'
}

function nameOf(format: Format, channel: string, kind: Quantity['kind'], i: number): string {
  if (format === 'value' || format === 'text') return ''
  if (format === 'packed') return String(i + 1)
  if (format === 'cayenne-lpp') return `${kind === 'counter' ? 'generic' : 'analog_in'}_${i + 1}`
  return channel
}

function payloadOf(
  { format, sampleEveryS }: Profile,
  { quantities, names, timeBase, samplesMax, has }: Omit<Layout, 'options' | 'file' | 'resolutionMs'>,
): Pick<Layout, 'options' | 'file'> {
  const role = timeBase === 'none' ? null : baseRoles[timeBase]
  switch (format) {
    case 'json':
    case 'cbor':
    case 'msgpack': {
      const tree = { codec: format, values: names, timeBase: timeBase === 'none' ? 'unix' : timeBase } as const
      return { options: { ...treeDefaults, ...tree }, file: tree }
    }
    case 'csv': {
      const head = [role ?? [], has.sequence ? 'seq' : [], has.boot ? 'boot' : [], has.next ? 'next' : []].flat()
      const csv = { codec: 'csv' as const, separator: ';', columns: [...head, ...names] }
      return { options: { ...csv, headerLines: 0 }, file: csv }
    }
    case 'struct': {
      const head: StructMember[] = []
      const add = (name: string, type: StructMember['type']) => head.push({ name, type, bits: null, big: false })
      if (role !== null) add(role, 'u32')
      // A count that outlives its boots begins with the time (Device).
      if (has.sequence) add('seq', has.boot ? 'u32' : 'u64')
      if (has.boot) add('boot', 'u16')
      if (has.next) add('next', 'u32')
      const repeat = quantities.map(
        ({ channel, kind }): StructMember => ({
          name: channel,
          type: kind === 'counter' ? 'u32' : 'i32',
          bits: null,
          big: false,
        }),
      )
      const step = samplesMax > 1 ? sampleEveryS : 0
      const texts = (members: StructMember[]) => members.map(({ name, type }) => `${name}:${type}`)
      const file = { codec: 'struct', layout: texts(head), repeat: texts(repeat), step }
      return { options: { codec: 'struct', head, repeat, step }, file }
    }
    default:
      return { options: { codec: format }, file: format }
  }
}
