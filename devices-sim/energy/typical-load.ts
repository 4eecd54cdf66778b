/** How long the reports of a profile are: encoded with plausible values, since a design has none of its own yet. */
import { createCodec } from '../../telemetry/codec/codec.ts'
import type { Report } from '../../telemetry/reading.ts'
import { type CodecOptions, type StructMember, treeDefaults } from '../../telemetry/route.ts'
import type { Format, Profile, SensorName } from '../profile.ts'
import type { Load } from './estimate.ts'

/** `count`: the value as a whole number of steps, at sample i. */
type Signal = { channel: string; step: number; unit: string; count(i: number): number }

/** A wet hour in ten-minute showers; noise of one step on what is level. */
const noise = (i: number) => ((i * 7) % 5) - 2
const rain: Signal = { channel: 'rainfall', step: 0.2, unit: 'mm', count: (i) => (i % 5 === 4 ? 1 : 0) }
const voltage: Signal = { channel: 'voltage', step: 0.001, unit: 'V', count: (i) => 3712 + noise(i) }
const signals: { [name in SensorName]: Signal[] } = {
  rain: [rain],
  'rain-counter': [{ channel: 'rainfall', step: 0.2, unit: 'mm', count: (i) => 1000 + Math.floor(i / 5) }],
  pulse: [{ channel: 'pulse', step: 1, unit: 'beat/min', count: (i) => 72 + 2 * noise(i) }],
  voltage: [voltage],
  satellite: [
    { channel: 'temperature', step: 0.1, unit: 'Cel', count: (i) => 215 + noise(i) },
    { ...voltage, channel: 'bus_voltage' },
    { channel: 'fuel_pressure', step: 0.01, unit: 'bar', count: (i) => 1805 - Math.floor(i / 20) },
  ],
  position: [
    { channel: 'latitude', step: 1e-5, unit: 'lat', count: (i) => 5_252_000 + 12 * i },
    { channel: 'longitude', step: 1e-5, unit: 'lon', count: (i) => 1_340_500 + 9 * i },
    { channel: 'speed', step: 0.1, unit: 'm/s', count: (i) => 132 + 3 * noise(i) },
  ],
  captions: [],
  lab: [
    { channel: 'temperature', step: 0.01, unit: 'Cel', count: (i) => 3700 + 2 * i },
    { channel: 'set_point', step: 0.1, unit: 'Cel', count: () => 400 },
    { channel: 'ph', step: 0.01, unit: 'pH', count: (i) => 702 + noise(i) },
  ],
}
const captionLine = 'and here is where the second experiment begins'

const lastAtMs = 1_700_000_000_000
const inWholeSteps: readonly Format[] = ['packed', 'struct']
/** Their only column or key needs no name of its own in a reading. */
const inColumns: readonly Format[] = ['json', 'cbor', 'msgpack', 'csv']
/** One value, or one time, in each message. */
const oneEach: readonly Format[] = ['value', 'text', 'cayenne-lpp']
const member = (name: string, type: StructMember['type']): StructMember => ({ name, type, bits: null, big: false })

function optionsOf(format: Format, all: Signal[], stepS: number): CodecOptions {
  const channels = all.map(({ channel }) => channel)
  switch (format) {
    case 'json':
    case 'cbor':
    case 'msgpack':
      return { codec: format, ...treeDefaults, values: channels }
    case 'csv':
      return { codec: 'csv', separator: ',', columns: ['time', ...channels], headerLines: 0 }
    case 'struct':
      return {
        codec: 'struct',
        head: [member('time', 'u32')],
        repeat: channels.map((channel) => member(channel, 'i32')),
        step: stepS,
      }
    default:
      return { codec: format }
  }
}

/** Bytes of one message that holds these signals at the last samples before a time. */
function encodedBytes(
  { format, compression, sampleEveryS, sequence }: Profile,
  all: Signal[],
  samples: number,
): number {
  const stepMs = Math.max(1, Math.round(sampleEveryS)) * 1000
  const channelOf = (channel: string, place: number): string => {
    if (format === 'value' || (all.length === 1 && inColumns.includes(format))) return ''
    if (format === 'packed') return String(place + 1)
    return format === 'cayenne-lpp' ? `analog_in_${place + 1}` : channel
  }
  const hasCount = sequence && ['value', 'json', 'cbor', 'msgpack', 'sparkplug-b'].includes(format)
  const report: Report = {
    ...(hasCount && { sequence: 17 }),
    ...(format === 'packed' && { sequence: 17, sequenceBits: 16, boot: 3 }),
    readings: Array.from({ length: samples }, (_, i) => i).flatMap((i) =>
      all.map(({ channel, step, unit, count }, place) => ({
        channel: channelOf(channel, place),
        // A decimal fraction as a person would write it: 3 * 0.2 would be 0.6000000000000001.
        value: inWholeSteps.includes(format) ? count(i) : Number((count(i) * step).toFixed(5)),
        unit: format.startsWith('senml') ? unit : '',
        timeBase: format === 'cayenne-lpp' || format === 'value' ? ('none' as const) : ('unix' as const),
        timeMs: format === 'cayenne-lpp' || format === 'value' ? 0 : lastAtMs - (samples - 1 - i) * stepMs,
        ...(format === 'influx' && { series: { measurement: channel, tags: [] } }),
      })),
    ),
  }
  return createCodec(optionsOf(format, all, stepMs / 1000), compression).encode([report]).length
}

/** Of what is measured, each sample is sent by itself where a message holds one time at most, whatever the batch. */
export const asSent = (profile: Profile): Profile => (holdsBatch(profile.format) ? profile : { ...profile, batch: 1 })
export const holdsBatch = (format: Format): boolean => !oneEach.includes(format)

const topicBytesOf = ({ site, prefix, format }: Profile, channel: string): number =>
  `sensors/${site}/${prefix}-0001/${format === 'value' ? channel : format}`.length

/** Of a profile asSent(). */
export function typicalLoad(profile: Profile): Load {
  const { format, batch, sensors } = profile
  const all = sensors.flatMap((name) => signals[name])
  const topicBytes = topicBytesOf(profile, all[0]?.channel ?? 'text')
  if (all.length === 0 || format === 'text') return { payloadBytes: captionLine.length, topicBytes, messages: 1 }
  if (format !== 'value') return { payloadBytes: encodedBytes(profile, all, batch), topicBytes, messages: 1 }
  const bytes = all.reduce((sum, signal) => sum + encodedBytes(profile, [signal], 1), 0)
  return { payloadBytes: bytes / all.length, topicBytes, messages: all.length }
}
