/** The codecs with layouts that people would choose, and readings in the form that each of them can say. */
import { createCodec } from '../telemetry/codec/codec.ts'
import type { Codec, Reading, Report, TimeBase } from '../telemetry/reading.ts'
import { type CodecOptions, type Compression, treeDefaults } from '../telemetry/route.ts'

/** One channel of a device: whole numbers as the sensor counts them, and what a reading is of them. */
export type SampleSeries = {
  name: string
  unit: string
  /** Name and unit of the counts. */
  countUnit: string
  /** Cayenne LPP knows kinds, not names. */
  lppKind: string
  counts: number[]
  countsPerUnit: number
}

export type Format = {
  name: string
  /** A batch is one message; else each reading is. */
  isBatch: boolean
  codec: Codec
  reports(series: SampleSeries, counts: number[], lastAtMs: number): Report[]
}

/** Codecs whose message holds one time at most. */
const oneByOne: Array<CodecOptions['codec']> = ['value', 'text', 'cayenne-lpp']
const stepMs = 60_000
const sequence = 17
const boot = 3

type Say = {
  channel?: string
  unit?: (series: SampleSeries) => string
  /** Whole numbers, the scale stands in the route. */
  isCount?: boolean
  timeBase?: TimeBase
  report?: Omit<Report, 'readings'>
  more?: (series: SampleSeries) => Partial<Reading>
}

function format(name: string, options: CodecOptions, say: Say = {}, compression: Compression = 'none'): Format {
  const { channel = '', unit = () => '', isCount = false, timeBase = 'unix', report = {}, more = () => ({}) } = say
  return {
    name,
    isBatch: !oneByOne.includes(options.codec),
    codec: createCodec(options, compression),
    reports: (series, counts, lastAtMs) => [
      {
        ...report,
        readings: counts.map((count, i) => ({
          channel,
          value: isCount ? count : count / series.countsPerUnit,
          unit: unit(series),
          timeBase,
          timeMs: timeBase === 'none' ? 0 : lastAtMs - (counts.length - 1 - i) * stepMs,
          ...more(series),
        })),
      },
    ],
  }
}

const named = ({ name }: SampleSeries) => ({ channel: name })
const withUnit: Say = { unit: ({ unit }) => unit, more: named }

export const formats: Format[] = [
  format('value: `3.712`', { codec: 'value' }, { timeBase: 'none' }),
  format('value with time and sequence', { codec: 'value' }, { report: { sequence } }),
  format(
    'influx',
    { codec: 'influx' },
    { channel: 'value', more: ({ name }) => ({ series: { measurement: name, tags: [] } }) },
  ),
  format('csv: time, value', { codec: 'csv', separator: ',', columns: ['time', 'value'], headerLines: 0 }, {}),
  format('senml-json', { codec: 'senml-json' }, withUnit),
  format('senml-json, gzip', { codec: 'senml-json' }, withUnit, 'gzip'),
  format('json, columns', { codec: 'json', ...treeDefaults }, { report: { sequence } }),
  format('json, columns, gzip', { codec: 'json', ...treeDefaults }, { report: { sequence } }, 'gzip'),
  format('senml-cbor', { codec: 'senml-cbor' }, withUnit),
  format(
    'senml-cbor, whole numbers',
    { codec: 'senml-cbor' },
    { unit: ({ countUnit }) => countUnit, isCount: true, more: named },
  ),
  format('sparkplug-b', { codec: 'sparkplug-b' }, { report: { sequence }, more: named }),
  format('msgpack, columns', { codec: 'msgpack', ...treeDefaults }, { report: { sequence } }),
  format('cbor, columns', { codec: 'cbor', ...treeDefaults }, { report: { sequence } }),
  format(
    'cbor, columns of differences',
    { codec: 'cbor', ...treeDefaults, deltas: true },
    { isCount: true, report: { sequence } },
  ),
  format('cayenne-lpp', { codec: 'cayenne-lpp' }, { more: ({ lppKind }) => ({ channel: `${lppKind}_1` }) }),
  format(
    'struct: u32 time, i16 each',
    {
      codec: 'struct',
      head: [{ name: 'time', type: 'u32', bits: null, big: false }],
      repeat: [{ name: 'value', type: 'i16', bits: null, big: false }],
      step: stepMs / 1000,
    },
    { channel: 'value', isCount: true },
  ),
  format('packed', { codec: 'packed' }, { channel: '1', isCount: true, report: { sequence, sequenceBits: 16, boot } }),
]

/** What only a fuzzer sends: the codec that needs no layout and holds no numbers. */
export const textFormat: Format = format(
  'text',
  { codec: 'text' },
  { timeBase: 'none', more: ({ name }) => ({ value: name }) },
)
