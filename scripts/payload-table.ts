/** Bytes of one reading and of an hour of readings, of each codec and on the wire, as docs/payload-sizes.md shows them. */
import { createRandom } from '../devices-sim/random.ts'
import { createPulse, createVoltage } from '../devices-sim/signals.ts'
import { type Format, formats, type SampleSeries } from './formats.ts'

const readings = 60
const lastAtMs = 1_700_000_000_000
const firstAtMs = lastAtMs - (readings - 1) * 60_000
/** Another one changes what a codec of variable length takes by a few bytes. */
const seed = 7

const minutes = <T>(make: (atMs: number) => T) =>
  Array.from({ length: readings }, (_, i) => make(firstAtMs + i * 60_000))

/** A wet hour as one in ten is: 2 to 3 mm, mostly one tip in a minute. */
function wetHour(): number[] {
  const random = createRandom(seed)
  return minutes(() => (random.fraction() < 0.2 ? (random.fraction() < 0.04 ? 2 : 1) : 0))
}

/** A lithium cell at rest, as a sensor measures it before it sends: 1 mV less in the hour, and 1 mV of noise. */
function restingMillivolts(): number[] {
  const random = createRandom(seed)
  return minutes((atMs) => Math.round(3712 - (atMs - firstAtMs) / 3_600_000 + random.normal()))
}

const pulse = createPulse(createRandom(seed), firstAtMs)
/** With dips of 20 to 60 mV where the radio was just on. */
const loaded = createVoltage(createRandom(seed), firstAtMs)

const rain = { name: 'rainfall', unit: 'mm', countUnit: 'count', lppKind: 'analog_in', countsPerUnit: 5 }
const cell = { name: 'voltage', unit: 'V', countUnit: 'mV', lppKind: 'voltage', countsPerUnit: 1000 }
export const hours: { [title: string]: SampleSeries } = {
  'rain, wet': { ...rain, counts: wetHour() },
  'rain, dry': { ...rain, counts: minutes(() => 0) },
  pulse: {
    name: 'pulse',
    unit: 'beat/min',
    countUnit: 'beat/min',
    lppKind: 'analog_in',
    countsPerUnit: 1,
    counts: minutes(pulse),
  },
  voltage: { ...cell, counts: restingMillivolts() },
  'voltage under load': { ...cell, counts: minutes((atMs) => Math.round(loaded(atMs) * 1000)) },
}

export const encodeOne = (it: Format, series: SampleSeries): Buffer =>
  it.codec.encode(it.reports(series, [Math.max(...series.counts)], lastAtMs))
/** null: one message holds one reading. */
export const encodeHour = (it: Format, series: SampleSeries): Buffer | null =>
  it.isBatch ? it.codec.encode(it.reports(series, series.counts, lastAtMs)) : null

const pubackBytes = 4
/** IPv4 and TCP without options. */
const headerBytes = 40
/** Record header, content type and tag of AES-GCM [RFC 8446 §5.2]. */
const tls13Bytes = 22
const segmentBytes = 1460

/** [MQTT-3.3] of QoS 1: fixed header, remaining length, topic with its length, packet identifier, payload. */
export function publishBytes(topicBytes: number, payloadBytes: number): number {
  const remaining = 2 + topicBytes + 2 + payloadBytes
  return 1 + (remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4) + remaining
}

/** A PUBLISH of QoS 1 and its PUBACK, both ways, each with the TCP acknowledgement of the other side. */
export function wireBytes(topicBytes: number, payloadBytes: number, tls: boolean): number {
  const record = tls ? tls13Bytes : 0
  const publish = publishBytes(topicBytes, payloadBytes) + record
  const segments = Math.ceil(publish / segmentBytes)
  return publish + pubackBytes + record + (segments + 3) * headerBytes
}

const number = (value: number) => value.toLocaleString('en')
const row = (cells: Array<string | number>) =>
  `| ${cells.map((it) => (typeof it === 'number' ? number(it) : it)).join(' | ')} |`
const table = (head: string[], rows: Array<Array<string | number>>) =>
  [row(head), row(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(row)].join('\n')

const topics = { short: 'd/rg-0042/volts'.length, long: 48 }

export function payloadSizes(): string {
  const all = Object.values(hours)
  const sizes = formats.map((it) => [
    it.name,
    ['rain, wet', 'pulse', 'voltage'].map((title) => encodeOne(it, hours[title] as SampleSeries).length).join(' / '),
    ...all.map((series) => encodeHour(it, series)?.length ?? `60 × ${encodeOne(it, series).length}`),
  ])
  const { voltage: volts } = hours as { voltage: SampleSeries }
  const onTheWire = formats.map((it) => {
    const hour = encodeHour(it, volts)
    const [messages, payload] = hour === null ? [readings, encodeOne(it, volts).length] : [1, hour.length]
    const cost = (topicBytes: number, tls: boolean) => messages * wireBytes(topicBytes, payload, tls)
    return [
      it.name,
      messages,
      messages * payload,
      cost(topics.short, false),
      cost(topics.short, true),
      cost(topics.long, true),
    ]
  })
  return `# Sizes of payloads

Written by \`npm run payload-sizes\` with the encoders of \`telemetry/codec/\`; a test fails when it is out of date. One reading, and 60
readings of a minute each: rain in tips of 0.2 mm, pulse in beats per minute, and the voltage of a lithium cell in steps of 1 mV, at
rest with 1 mV of noise, and under load with dips of 20 to 60 mV where the radio was just on (seed ${seed}).

**What to choose:** a sensor that pays for its bytes sends \`packed\`, one that must speak a standard \`senml-cbor\` with whole
numbers, and a gateway with memory to spare \`json\` in columns and gzip. What saves most is none of them: 60 readings in one message
instead of 60 messages.

## Bytes of the payload

${table(['codec', '1 reading: rain / pulse / voltage', ...Object.keys(hours).map((title) => `60: ${title}`)], sizes)}

\`value\` and \`cayenne-lpp\` hold one time at most, so 60 readings are 60 messages. Cayenne LPP rounds voltages to 0.01 V. Where only
whole numbers fit (differences, struct, packed), \`scale\` stands in the route.

## Bytes on the wire for 60 voltage readings

PUBLISH of QoS 1 and PUBACK, both ways, with IPv4, TCP and its acknowledgements; topics of ${topics.short} and ${topics.long} characters; without connect
and keep-alive (a PINGREQ and its answer: 124 bytes, with TLS 1.3 168).

${table(['codec', 'messages', 'payloads', `TCP, topic ${topics.short}`, `TLS 1.3, topic ${topics.short}`, `TLS 1.3, topic ${topics.long}`], onTheWire)}
`
}
