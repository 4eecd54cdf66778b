/**
 * Cayenne Low Power Payload: records of channel, type and big-endian data, with the extended types of the Arduino library
 * that carries it on (ElectronicCats/CayenneLPP). Channels: `temperature_1`, `gps_3.latitude`. Units are SenML's, where it
 * has one. The type unixtime says when everything in the payload was measured.
 */
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Codec, Reading, Report } from '../reading.ts'

type Part = {
  suffix: string
  bytes: number
  signed: boolean
  /** value = raw * factor / divisor: whole numbers both, so that 272 / 10 is 27.2 and not 27.200000000000003. */
  factor: number
  divisor: number
  unit: string
}
type Kind = { name: string; parts: Part[] }

const part = (suffix: string, bytes: number, sign: 's' | 'u', divisor: number, unit: string, factor = 1): Part => ({
  suffix,
  bytes,
  signed: sign === 's',
  factor,
  divisor,
  unit,
})
const only = (name: string, bytes: number, sign: 's' | 'u', divisor: number, unit: string): Kind => ({
  name,
  parts: [part('', bytes, sign, divisor, unit)],
})
const axes = (sign: 's' | 'u', bytes: number, names: string[], divisor: number, unit: string, factor = 1): Part[] =>
  names.map((name) => part(`.${name}`, bytes, sign, divisor, unit, factor))

const unixtimeType = 133

const kinds = new Map<number, Kind>([
  [0, only('digital_in', 1, 'u', 1, '')],
  [1, only('digital_out', 1, 'u', 1, '')],
  [2, only('analog_in', 2, 's', 100, '')],
  [3, only('analog_out', 2, 's', 100, '')],
  [100, only('generic', 4, 'u', 1, '')],
  [101, only('luminosity', 2, 'u', 1, 'lx')],
  [102, only('presence', 1, 'u', 1, '')],
  [103, only('temperature', 2, 's', 10, 'Cel')],
  [104, only('relative_humidity', 1, 'u', 2, '%RH')],
  // In thousandths of standard gravity, 9.80665 m/s2.
  [113, { name: 'accelerometer', parts: axes('s', 2, ['x', 'y', 'z'], 1e8, 'm/s2', 980_665) }],
  [115, only('barometric_pressure', 2, 'u', 10, 'hPa')],
  [116, only('voltage', 2, 'u', 100, 'V')],
  [117, only('current', 2, 'u', 1000, 'A')],
  [118, only('frequency', 4, 'u', 1, 'Hz')],
  [120, only('percentage', 1, 'u', 1, '%')],
  [121, only('altitude', 2, 's', 1, 'm')],
  [125, only('concentration', 2, 'u', 1, 'ppm')],
  [128, only('power', 2, 'u', 1, 'W')],
  [130, only('distance', 4, 'u', 1000, 'm')],
  [131, only('energy', 4, 'u', 1000, 'kWh')],
  [132, only('direction', 2, 'u', 1, 'deg')],
  [unixtimeType, only('unixtime', 4, 'u', 1, 's')],
  [134, { name: 'gyrometer', parts: axes('s', 2, ['x', 'y', 'z'], 100, 'deg/s') }],
  [135, { name: 'colour', parts: axes('u', 1, ['red', 'green', 'blue'], 1, '') }],
  [
    136,
    {
      name: 'gps',
      parts: [
        part('.latitude', 3, 's', 10_000, 'lat'),
        part('.longitude', 3, 's', 10_000, 'lon'),
        part('.altitude', 3, 's', 100, 'm'),
      ],
    },
  ],
  [142, only('switch', 1, 'u', 1, '')],
])
const typesByName = new Map([...kinds].map(([type, { name }]) => [name, type]))

const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

export const cayenneLppCodec: Codec = { decode, encode }

function decode(payload: Buffer): Report[] | MessageProblem {
  const readings: Reading[] = []
  let timeMs: number | null = null
  for (let at = 0; at < payload.length; ) {
    const type = payload[at + 1]
    if (type === undefined) return problem('bad_payload', `the record at byte ${at} ends after its channel`)
    const kind = kinds.get(type)
    if (kind === undefined) return problem('bad_payload', `type ${type} at byte ${at + 1} is none of Cayenne LPP's`)
    const name = `${kind.name}_${payload[at]}`
    const end = kind.parts.reduce((sum, { bytes }) => sum + bytes, at + 2)
    if (end > payload.length) {
      return problem('bad_payload', `${name} at byte ${at} ends at byte ${end}, ${payload.length} bytes given`)
    }
    if (type === unixtimeType) {
      if (timeMs !== null) return problem('bad_time', `${name} at byte ${at} is the second time, one for all wanted`)
      timeMs = payload.readUInt32BE(at + 2) * 1000
    } else {
      let from = at + 2
      for (const { suffix, bytes, signed, factor, divisor, unit } of kind.parts) {
        const raw = signed ? payload.readIntBE(from, bytes) : payload.readUIntBE(from, bytes)
        readings.push({ channel: name + suffix, value: (raw * factor) / divisor, unit, timeBase: 'none', timeMs: 0 })
        from += bytes
      }
      if (readings.length > limits.readingsPerMessageMax) {
        return problem('bad_payload', `more than ${limits.readingsPerMessageMax} readings in one message`)
      }
    }
    at = end
  }
  if (timeMs !== null) {
    for (const reading of readings) {
      reading.timeBase = 'unix'
      reading.timeMs = timeMs
    }
  }
  return readings.length === 0 ? [] : [{ readings }]
}

/** The parts of a record in their order. A time common to all becomes a record of channel 0. Values are rounded. */
function encode(reports: Report[]): Buffer {
  const [report = { readings: [] }] = reports
  if (reports.length > 1) throw new Error('cayenne-lpp: one report wanted')
  const { readings } = report
  const [{ timeBase, timeMs } = { timeBase: 'none', timeMs: 0 } as const] = readings
  const isCommon = readings.every((reading) => reading.timeBase === timeBase && reading.timeMs === timeMs)
  if (!isCommon || (timeBase !== 'none' && timeBase !== 'unix')) {
    throw new Error('cayenne-lpp: one time since 1970 for all readings wanted, or none')
  }
  const chunks: Buffer[] = []
  if (timeBase === 'unix') {
    chunks.push(Buffer.from([0, unixtimeType]), rawOf(timeMs / 1000, 'unixtime', part('', 4, 'u', 1, 's')))
  }
  for (let i = 0; i < readings.length; ) {
    const { channel } = readings[i] as Reading
    const [, name = '', number = ''] = /^([a-z_]+)_(\d{1,3})(\.[a-z]+)?$/.exec(channel) ?? []
    const type = typesByName.get(name)
    if (type === undefined || type === unixtimeType || Number(number) > 255) {
      throw new Error(`cayenne-lpp: channel "${channel}" given, one like temperature_1 wanted`)
    }
    chunks.push(Buffer.from([Number(number), type]))
    for (const it of kinds.get(type)?.parts ?? []) {
      const reading = readings[i]
      if (reading?.channel !== `${name}_${number}${it.suffix}`) {
        throw new Error(`cayenne-lpp: ${reading?.channel ?? 'nothing'} follows, ${name}_${number}${it.suffix} wanted`)
      }
      chunks.push(rawOf(reading.value, reading.channel, it))
      i += 1
    }
  }
  return Buffer.concat(chunks)
}

function rawOf(value: unknown, channel: string, { bytes, signed, factor, divisor }: Part): Buffer {
  const buffer = Buffer.alloc(bytes)
  // Halves too go away from 0, as a sensor's own rounding does.
  const scaled = typeof value === 'number' ? (value * divisor) / factor : Number.NaN
  const raw = Math.sign(scaled) * Math.round(Math.abs(scaled))
  const span = 2 ** (8 * bytes)
  const [min, max] = signed ? [-span / 2, span / 2 - 1] : [0, span - 1]
  if (!(raw >= min && raw <= max)) {
    throw new Error(
      `cayenne-lpp: ${channel} is ${value}, ${(min * factor) / divisor} to ${(max * factor) / divisor} wanted`,
    )
  }
  if (signed) buffer.writeIntBE(raw, 0, bytes)
  else buffer.writeUIntBE(raw, 0, bytes)
  return buffer
}
