/** The writing half of the packed format (docs/packed-format.md), byte for byte as docs/packed.h writes it. */
import { limits } from '../limits.ts'
import type { Reading, Report } from '../reading.ts'

export type PackedBatch = {
  channel: number
  /** Seconds between the values; of no meaning for a single one. */
  stepS: number
  /** Whole numbers of 32 bits with sign, the oldest first. */
  values: readonly number[]
}

export type PackedMessage = {
  clock: 'unix' | 'boot' | 'now'
  boot: number
  sequence: number
  /** When the last value of each batch was taken; of no meaning with clock now. */
  timeS: number
  /** Seconds from then to the sending; null: not said. */
  ageS: number | null
  nextS: number | null
  batches: readonly PackedBatch[]
}

const clocks = { unix: 0, boot: 1, now: 2 } as const

/** @throws Error when a number lies outside what its place can hold. */
export function encodePacked(message: PackedMessage): Buffer {
  const { clock, boot, sequence, timeS, ageS, nextS, batches } = message
  const bytes = [0x10 | clocks[clock] | (ageS === null ? 0 : 4) | (nextS === null ? 0 : 8)]
  pushLittle(bytes, whole('boot', boot, 0xff), 1)
  pushLittle(bytes, whole('sequence', sequence, 0xffff), 2)
  if (clock !== 'now') pushLittle(bytes, whole('time', timeS, 0xffffffff), 4)
  if (ageS !== null) pushUvarint(bytes, whole('age', ageS, 0xffffffff))
  if (nextS !== null) pushUvarint(bytes, whole('next', nextS, 0xffffffff))
  for (const batch of batches) pushBatch(bytes, batch)
  return Buffer.from(bytes)
}

function pushBatch(bytes: number[], { channel, stepS, values }: PackedBatch): void {
  bytes.push(whole('channel', channel, 0xff))
  pushUvarint(bytes, whole('number of values', values.length, limits.readingsPerMessageMax, 1))
  for (const value of values) whole('value', value, 0x7fffffff, -0x80000000)
  const first = values[0] as number
  if (values.length === 1) {
    pushUvarint(bytes, zigzag(first))
    return
  }
  const lowest = values.reduce((a, b) => Math.min(a, b))
  const offsets = values.map((value) => value - lowest)
  const deltas = values.slice(1).map((value, i) => value - (values[i] as number))
  const asOffsets = packedBytes(lowest, offsets)
  // A delta of more than 32 bits has no zigzag; an offset always fits.
  const canDelta = deltas.every((delta) => (delta | 0) === delta)
  const useOffsets = !canDelta || asOffsets <= packedBytes(first, deltas.map(zigzag))
  pushUvarint(bytes, zigzag(useOffsets ? lowest : first))
  pushUvarint(bytes, whole('step', stepS, 0xffffffff, 1))
  const numbers = useOffsets ? offsets : deltas.map(zigzag)
  const width = widthOf(numbers)
  bytes.push(width | (useOffsets ? 0x80 : 0))
  pushBits(bytes, numbers, width)
}

const packedBytes = (first: number, numbers: number[]): number =>
  uvarintBytes(zigzag(first)) + Math.ceil((numbers.length * widthOf(numbers)) / 8)

const zigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0

const widthOf = (numbers: number[]): number => 32 - Math.clz32(numbers.reduce((all, number) => all | number, 0))

function uvarintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1
  return bytes
}

function pushUvarint(bytes: number[], value: number): void {
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
}

function pushLittle(bytes: number[], value: number, size: number): void {
  for (let i = 0; i < size; i++) bytes.push((value >>> (8 * i)) & 0xff)
}

function pushBits(bytes: number[], numbers: number[], width: number): void {
  let byte = 0
  let held = 0
  for (const number of numbers) {
    for (let bit = 0; bit < width; bit++) {
      byte |= ((number >>> bit) & 1) << held
      held += 1
      if (held === 8) {
        bytes.push(byte)
        byte = 0
        held = 0
      }
    }
  }
  if (held > 0) bytes.push(byte)
}

function whole(what: string, value: number, max: number, min = 0): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new Error(`packed: ${what} is ${value}, a whole number from ${min} to ${max} wanted`)
}

/** One report whose channels end at the same time, each in even steps of whole seconds. @throws Error when it is not. */
export function encodePackedReports(reports: Report[]): Buffer {
  const [report] = reports
  const lastReading = report?.readings.at(-1)
  if (report === undefined || lastReading === undefined || reports.length > 1) {
    throw new Error('packed: exactly one report with readings wanted')
  }
  const { timeBase, timeMs } = lastReading
  if (timeBase === 'none') throw new Error('packed: readings without a time cannot be said')
  const channels = new Map<string, Reading[]>()
  for (const reading of report.readings) {
    const others = channels.get(reading.channel)
    if (others === undefined) channels.set(reading.channel, [reading])
    else others.push(reading)
  }
  const timeS = timeMs / 1000
  const sentS = report.sentMs === undefined ? null : report.sentMs / 1000
  return encodePacked({
    clock: timeBase,
    boot: report.boot ?? -1,
    sequence: report.sequence ?? -1,
    timeS,
    ageS: ageOf(timeBase, timeS, sentS),
    nextS: report.nextS ?? null,
    batches: [...channels].map(([channel, readings]) => batchOf(channel, readings, lastReading)),
  })
}

/** With an uptime, an age of 0 is what a decoder takes for granted. */
function ageOf(timeBase: 'unix' | 'boot' | 'now', timeS: number, sentS: number | null): number | null {
  if (timeBase === 'now') return timeS === 0 ? null : -timeS
  return sentS === null || (timeBase === 'boot' && sentS === timeS) ? null : sentS - timeS
}

function batchOf(channel: string, readings: Reading[], last: Reading): PackedBatch {
  const stepMs = readings.length < 2 ? 1000 : (readings[1] as Reading).timeMs - (readings[0] as Reading).timeMs
  const values = readings.map(({ value, timeMs, timeBase }, i) => {
    if (typeof value !== 'number')
      throw new Error(`packed: channel ${channel} holds a ${typeof value}, a number wanted`)
    if (timeBase !== last.timeBase || timeMs !== last.timeMs - (readings.length - 1 - i) * stepMs) {
      throw new Error(`packed: reading ${i} of channel ${channel} is not in even steps up to the last reading`)
    }
    return value
  })
  if (!/^(0|[1-9]\d{0,2})$/.test(channel)) throw new Error(`packed: channel "${channel}" is no number from 0 to 255`)
  return { channel: Number(channel), stepS: stepMs / 1000, values }
}
