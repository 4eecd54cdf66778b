/**
 * A fleet whose truth is known: devices of every way to tell time and sequence, which restart and whose clocks leap. Each
 * value stands once in the life of its device, so that a value names its reading.
 */
import type { Random } from '../../devices-sim/random.ts'
import { createCodec } from '../../telemetry/codec/codec.ts'
import type { Codec, Reading, Report } from '../../telemetry/reading.ts'
import { treeDefaults } from '../../telemetry/route.ts'

const packedRoute = (kind: string) =>
  `  - { topic: "t/{site}/{device}/${kind}", measurement: ${kind}, payload: packed, fields: [{ channel: "1", field: value, scale: 0.001 }] }`

/** Where what counters counted goes. */
export const rainMeasurement = 'rain'

/** Lines of telemetry.yaml. Devices of a kind publish to `t/{site}/{device}/{kind}`, and the kind is the measurement. */
export const fleetRoutes = `routes:
  - { topic: "t/{site}/{device}/value", measurement: value }
${['json', 'cbor', 'msgpack'].map((kind) => `  - { topic: "t/{site}/{device}/${kind}", measurement: ${kind}, payload: ${kind} }`).join('\n')}
  - topic: "t/{site}/{device}/counter"
    measurement: counter
    payload: { codec: json, values: [v, tips] }
    fields:
      - { channel: v, field: value }
      - { channel: tips, measurement: ${rainMeasurement}, unit: mm, counter: { bits: 8, per: 0.2, maxPerHour: 400 } }
  - { topic: "t/{site}/{device}/senml", measurement: senml, payload: senml-cbor, fields: [{ channel: v, field: value }] }
  - { topic: "t/{site}/{device}/senml-text", measurement: senml-text, payload: senml-json, fields: [{ channel: v, field: value }] }
${['unix', 'uptime', 'noclock'].map(packedRoute).join('\n')}
`

export const kinds = [
  'value',
  'json',
  'cbor',
  'msgpack',
  'counter',
  'senml',
  'senml-text',
  'unix',
  'uptime',
  'noclock',
] as const
export type Kind = (typeof kinds)[number]

/**
 * One reading. `timeMs`: the device's own good clock says it, and the store must say the same; null: it was taken `agoMs`
 * before the report was made, and the store can know that only from when the report came. The device's clock may leave
 * more open: it says `saidAgoMs`.
 */
export type Measured = { value: number; timeMs: number | null; agoMs: number; saidAgoMs: number }

export type Sent = {
  kind: Kind
  device: string
  topic: string
  payload: Buffer
  measured: Measured[]
  /** Boot and sequence tell a copy over any distance; else only what the window holds. */
  isKnownForLong: boolean
  /** Without a sequence a copy is known by its client and packet identifier. */
  isKnownByPacket: boolean
  /** A counter tells what was added only while its reports come in their order. */
  mustKeepOrder: boolean
}

export type FleetDevice = {
  readonly kind: Kind
  readonly name: string
  readonly measured: Measured[]
  /** Tips that the counter counted behind its first report, in tenths of a millimetre. */
  tenths(): number
  boots(): number
  /** At this time by the true clock, which grows by more than the longest batch reaches back for devices that tell the time. */
  report(atMs: number): Sent
  reboot(atMs: number): void
}

const codecs: { [kind in Kind]: Codec } = {
  value: createCodec({ codec: 'value' }),
  json: createCodec({ codec: 'json', ...treeDefaults }),
  cbor: createCodec({ codec: 'cbor', ...treeDefaults }),
  msgpack: createCodec({ codec: 'msgpack', ...treeDefaults }),
  counter: createCodec({ codec: 'json', ...treeDefaults, values: ['v', 'tips'] }),
  senml: createCodec({ codec: 'senml-cbor' }),
  'senml-text': createCodec({ codec: 'senml-json' }),
  unix: createCodec({ codec: 'packed' }),
  uptime: createCodec({ codec: 'packed' }),
  noclock: createCodec({ codec: 'packed' }),
}
const packed: readonly Kind[] = ['unix', 'uptime', 'noclock']
/** SenML tells no sequence. */
const countless: readonly Kind[] = ['senml', 'senml-text']
/** Whoever tells no boot has a count that outlives it: an RTC and a count in flash. */
const bootless: readonly Kind[] = ['value', ...countless]
const leaping: readonly Kind[] = ['value', 'json', 'cbor', 'msgpack']
/** Payloads that hold one quantity do not name it. */
const unnamed: readonly Kind[] = ['value', 'json', 'cbor', 'msgpack']
const dayMs = 86_400_000
/** Seconds since 1970 of a clock that was never set. */
const unsetMs = 60_000
const batchStepMs = 7_000
/** Longer than a batch reaches back. */
const upBeforeMs = 60_000
const counterSpan = 256
const secondOf = (timeMs: number) => Math.floor(timeMs / 1000) * 1000

export function createFleetDevice(kind: Kind, name: string, random: Random, beganMs: number): FleetDevice {
  const codec = codecs[kind]
  const isPacked = packed.includes(kind)
  const measured: Measured[] = []
  let boot = 3
  let sequence = 0
  let startMs = beganMs - upBeforeMs
  let clockOffMs = 0
  let value = 1000
  let tips = 250
  let counted = 0

  function reading(takenMs: number, atMs: number): { reading: Reading; truth: Measured } {
    value++
    const base = { channel: isPacked ? '1' : unnamed.includes(kind) ? '' : 'v', value, unit: '' }
    const shown = isPacked ? value / 1000 : value
    const timeMs = secondOf(takenMs)
    if (kind === 'uptime') {
      const upMs = secondOf(takenMs - startMs)
      return {
        reading: { ...base, timeBase: 'boot', timeMs: upMs },
        truth: {
          value: shown,
          timeMs: null,
          agoMs: atMs - startMs - upMs,
          saidAgoMs: secondOf(atMs - startMs) - upMs,
        },
      }
    }
    if (kind === 'noclock') {
      return {
        reading: { ...base, timeBase: 'now', timeMs: takenMs - atMs },
        truth: { value: shown, timeMs: null, agoMs: atMs - takenMs, saidAgoMs: atMs - takenMs },
      }
    }
    const isGood = clockOffMs === 0
    const said = clockOffMs < 0 ? unsetMs + (sequence % 60) * 1000 : secondOf(takenMs + clockOffMs)
    return {
      reading: { ...base, timeBase: 'unix', timeMs: said },
      truth: { value: shown, timeMs: isGood ? timeMs : null, agoMs: 0, saidAgoMs: 0 },
    }
  }

  /** At most 12 tips a report: that is plausible within a minute, and so is a whole restart. */
  function tip(): void {
    const more = random.below(13)
    if (measured.length > 0) counted += more
    tips = (tips + more) % counterSpan
  }

  function leap(): void {
    if (random.fraction() < 0.1) clockOffMs = random.fraction() < 0.5 ? -1 : 90 * dayMs
    else if (random.fraction() < 0.3) clockOffMs = 0
  }

  return {
    kind,
    name,
    measured,
    tenths: () => counted * 2,
    boots: () => boot - 2,
    reboot(atMs) {
      if (bootless.includes(kind)) return
      boot++
      sequence = 0
      startMs = atMs - upBeforeMs
      tips = 0
    },
    report(atMs) {
      if (leaping.includes(kind)) leap()
      const size = isPacked ? 1 + random.below(6) : 1
      const taken = Array.from({ length: size }, (_, i) => reading(atMs - (size - 1 - i) * batchStepMs, atMs))
      const readings = taken.map((it) => it.reading)
      if (kind === 'counter') {
        tip()
        const { timeBase, timeMs } = readings[0] as Reading
        readings.push({ channel: 'tips', value: tips, unit: '', timeBase, timeMs })
      }
      const report: Report = { readings }
      if (!countless.includes(kind)) report.sequence = sequence
      if (!bootless.includes(kind)) report.boot = boot
      if (isPacked) report.sequenceBits = 16
      sequence++
      const truths = taken.map((it) => it.truth)
      measured.push(...truths)
      return {
        kind,
        device: name,
        topic: `t/site/${name}/${kind}`,
        payload: codec.encode([report]),
        measured: truths,
        isKnownForLong: !bootless.includes(kind),
        isKnownByPacket: countless.includes(kind),
        mustKeepOrder: kind === 'counter',
      }
    },
  }
}

/** What a store holds of a device's `value`, in any order. */
export type StoredValue = { value: number; timeMs: number }

/**
 * One thing that is wrong: a reading that is not there, there twice, or at a time that is not its own; or a value that nobody
 * measured, which has no reading.
 */
export type ValueFault = { kind: 'lost' | 'double' | 'time' | 'invented'; measured: Measured | null; text: string }

/**
 * Everything that is wrong with one device.
 * @param boundsOf when a reading that the device's clock does not date can have been taken
 */
export function valueFaults(
  device: FleetDevice,
  stored: StoredValue[],
  boundsOf: (measured: Measured) => readonly [fromMs: number, toMs: number] | null,
): ValueFault[] {
  const faults: ValueFault[] = []
  const say = (kind: ValueFault['kind'], measured: Measured | null, text: string) =>
    faults.push({ kind, measured, text: `${device.kind} ${device.name}: ${text}` })
  const byValue = new Map<number, StoredValue[]>()
  for (const it of stored) byValue.set(it.value, [...(byValue.get(it.value) ?? []), it])
  for (const it of device.measured) {
    const found = byValue.get(it.value) ?? []
    byValue.delete(it.value)
    const [first] = found
    if (first === undefined || found.length > 1) {
      say(first === undefined ? 'lost' : 'double', it, `${it.value} is stored ${found.length} times`)
    }
    if (first === undefined) continue
    const [fromMs, toMs] = it.timeMs === null ? (boundsOf(it) ?? [first.timeMs, first.timeMs]) : [it.timeMs, it.timeMs]
    if (first.timeMs < fromMs || first.timeMs > toMs) {
      say('time', it, `${it.value} is stored at ${first.timeMs}, ${fromMs} to ${toMs} wanted`)
    }
  }
  for (const value of byValue.keys()) say('invented', null, `${value} was never measured`)
  return faults
}

/** The same as a few sentences. */
export function valueProblems(...given: Parameters<typeof valueFaults>): string[] {
  const problems = valueFaults(...given).map(({ text }) => text)
  const { kind, name } = given[0]
  return problems.length > 5
    ? [...problems.slice(0, 5), `${kind} ${name}: ${problems.length} problems in all`]
    : problems
}
