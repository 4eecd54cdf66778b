/** From Reports to topic and payload, one for all devices of a profile; and the routes by which a platform reads them. */
import { createCodec } from '../../telemetry/codec/codec.ts'
import { StartError } from '../../telemetry/errors.ts'
import { createMemory, isProblem, type Report, type Value } from '../../telemetry/reading.ts'
import { readingTopic } from '../../telemetry/schema.ts'
import type { Profile } from '../profile.ts'
import type { Quantity } from '../sensor.ts'
import { type Layout, layoutOf } from './layout.ts'

export type Wire = {
  layout: Layout
  /** Where each of the layout's quantities stands among those of the sensors. */
  places: number[]
  /** Of each quantity, as the codec calls it. */
  channels: string[]
  /** With {site} and {device}; one for each quantity where the format holds one value. */
  topics: string[]
  /** What the format makes of a value, which is what a device says; null: nothing is said of a failed measurement. */
  said(value: Value | undefined, quantity: number): Value | null
  /** A value as it stands in the payload. */
  raw(value: Value, quantity: number): Value
  encode(reports: Report[]): Buffer
  /** The longest part of it, up to a half, that nobody can read; null: there is none. */
  cut(payload: Buffer): Buffer | null
}

const [rawMin, rawMax] = [-(2 ** 31), 2 ** 31 - 1]
const cayenneMax = 327.67

/** @throws StartError when the format of the profile can say nothing that its sensors measure */
export function createWire(profile: Profile, all: Quantity[]): Wire {
  const layout = layoutOf(profile, all)
  const { quantities, names, isFixed, isSingle } = layout
  const codec = createCodec(layout.options, profile.compression)
  const { codec: name } = layout.options
  const isNameless = quantities.length === 1 && ['csv', 'json', 'cbor', 'msgpack'].includes(name)
  const topics = isSingle ? quantities.map(({ channel }) => readingTopic(channel)) : [topicOf(profile)]
  const decodeTopic = (topics[0] as string).replace('{site}', 's').replace('{device}', 'd')
  const isPlain = !isFixed && name !== 'cayenne-lpp'

  function saidNumber(value: number, { kind, resolution }: Quantity): number | null {
    if (!Number.isFinite(value)) return null
    if (isPlain) return value
    if (kind === 'counter') return Math.min(2 ** 32 - 1, Math.max(0, value))
    if (isFixed) return multiple(rawOf(value, resolution), resolution)
    return (Math.sign(value) * Math.round(Math.min(cayenneMax, Math.abs(value)) * 100)) / 100 + 0
  }

  return {
    layout,
    places: quantities.map((it) => all.indexOf(it)),
    channels: isNameless ? [''] : names,
    topics,
    said(value, i) {
      if (typeof value === 'number') return saidNumber(value, quantities[i] as Quantity)
      if (typeof value !== 'string') return value ?? null
      const text = name === 'csv' ? value.replace(/[;\n]/g, ',').trim() : value
      return text === '' ? null : text
    },
    raw(value, i) {
      const { kind, resolution } = quantities[i] as Quantity
      return isFixed && kind !== 'counter' ? rawOf(value as number, resolution) : value
    },
    encode: codec.encode,
    cut(payload) {
      for (let bytes = payload.length >> 1; bytes >= 0; bytes--) {
        const part = payload.subarray(0, bytes)
        if (isProblem(codec.decode(part, { topic: decodeTopic, memory: createMemory() }))) return part
      }
      return null
    },
  }
}

const rawOf = (value: number, resolution: number | null): number =>
  Math.min(rawMax, Math.max(rawMin, Math.round(value / (resolution ?? 1)))) + 0

/** As ingest scales: 3 * 0.2 would be 0.6000000000000001. */
function multiple(raw: number, resolution: number | null): number {
  const scale = resolution ?? 1
  const inverse = Math.round(1 / scale)
  return inverse !== 0 && inverse * scale === 1 ? raw / inverse : raw * scale
}

/** Each profile has its own, since routes of two may differ; Sparkplug wants topics of its shape. */
const topicOf = ({ name, format }: Profile): string =>
  format === 'sparkplug-b' ? `spBv1.0/{site}/DDATA/{device}/${name}` : `sensors/{site}/{device}/${name}-${format}`

/** Counts in an hour that a counter can physically count: above what a bucket of 0.2 mm tips in the worst downpour on record. */
const countsPerHourMax = 2000

/**
 * The part of telemetry.yaml that reads what these profiles send. The measurement of a quantity is its channel.
 * @throws StartError when two profiles say different things on one topic
 */
export function routesOf(profiles: Profile[], quantitiesOf: (profile: Profile) => Quantity[]): string {
  const routes = new Map<string, { line: string; profile: string }>()
  for (const profile of profiles) {
    const { layout, topics, channels } = createWire(profile, quantitiesOf(profile))
    const { quantities } = layout
    topics.forEach((topic, i) => {
      const held = layout.isSingle ? [quantities[i] as Quantity] : quantities
      const line = JSON.stringify({
        topic,
        measurement: layout.isSingle ? held[0]?.channel : profile.name,
        payload: layout.file,
        compression: profile.compression,
        sequence: profile.format === 'sparkplug-b' ? 'device' : 'topic',
        fields: held.map((quantity, k) => ruleOf(layout, quantity, layout.isSingle ? '' : (channels[k] as string))),
      })
      const other = routes.get(topic)
      if (other !== undefined && other.line !== line) {
        throw new StartError(`profiles ${other.profile} and ${profile.name}: both publish to ${topic}, differently`)
      }
      routes.set(topic, { line, profile: profile.name })
    })
  }
  return `routes:\n${[...routes.values()].map(({ line }) => `  - ${line}\n`).join('')}`
}

function ruleOf({ isFixed }: Layout, { channel, unit, resolution, kind, counterBits }: Quantity, name: string): object {
  const per = resolution ?? 1
  return {
    channel: name,
    measurement: channel,
    unit,
    type: kind === 'text' ? 'string' : 'float',
    ...(isFixed && kind !== 'counter' && { scale: per }),
    ...(kind === 'counter' && { counter: { bits: counterBits ?? 16, per, maxPerHour: countsPerHourMax * per } }),
  }
}
