/** Our batch format for sensors that count every byte: docs/packed-format.md draws it, docs/packed.h writes it in C. */
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import { type Codec, isProblem, type Reading, type Report, type TimeBase } from '../reading.ts'
import { encodePackedReports } from './packed-encode.ts'

const timeBases: readonly TimeBase[] = ['unix', 'boot', 'now']
const channelNames = Array.from({ length: 256 }, (_, channel) => String(channel))

const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

type Cursor = { payload: Buffer; at: number }
type Head = { timeBase: TimeBase; timeS: number; report: Omit<Report, 'readings'> }

export const packedCodec: Codec = { decode, encode: encodePackedReports }

function decode(payload: Buffer): Report[] | MessageProblem {
  const cursor = { payload, at: 0 }
  const head = readHead(cursor)
  if (isProblem(head)) return head
  if (cursor.at === payload.length) return problem('bad_payload', 'no batch follows the head, at least one wanted')
  const readings: Reading[] = []
  const seen = new Set<number>()
  while (cursor.at < payload.length) {
    const channel = payload[cursor.at] as number
    if (seen.has(channel)) return problem('bad_payload', `channel ${channel} at byte ${cursor.at} comes twice`)
    seen.add(channel)
    cursor.at += 1
    const failure = readBatch(cursor, channel, head, readings)
    if (failure !== null) return failure
  }
  return [{ ...head.report, readings }]
}

function readHead(cursor: Cursor): Head | MessageProblem {
  const { payload } = cursor
  if (payload.length < 4) return problem('bad_payload', `${payload.length} bytes given, a head of at least 4 wanted`)
  const first = payload[0] as number
  if (first >> 4 !== 1) return problem('bad_payload', `version ${first >> 4} given, 1 wanted`)
  const timeBase = timeBases[first & 3]
  if (timeBase === undefined) return problem('bad_payload', 'clock 3 given, 0 (unix), 1 (uptime) or 2 (none) wanted')
  const report: Head['report'] = { sequence: payload.readUInt16LE(2), sequenceBits: 16, boot: payload[1] as number }
  cursor.at = 4
  let timeS = 0
  if (timeBase !== 'now') {
    if (payload.length < 8) return problem('bad_payload', `${payload.length} bytes given, a head of at least 8 wanted`)
    timeS = payload.readUInt32LE(4)
    cursor.at = 8
  }
  let ageS = -1
  if ((first & 4) !== 0) {
    ageS = readUvarint(cursor)
    if (ageS < 0) return badNumber('age', cursor)
    if (ageS > limits.packedSpanSMax) {
      return problem('bad_time', `an age of ${ageS} s given, at most ${limits.packedSpanSMax} wanted`)
    }
  }
  if ((first & 8) !== 0) {
    const nextS = readUvarint(cursor)
    if (nextS < 0) return badNumber('next', cursor)
    report.nextS = nextS
  }
  // Without an age a unix time says nothing about when the device sent. An uptime does: no earlier than its last reading.
  if (timeBase === 'boot' || (timeBase === 'unix' && ageS >= 0)) report.sentMs = (timeS + Math.max(ageS, 0)) * 1000
  return { timeBase, timeS: timeBase === 'now' ? 0 - Math.max(ageS, 0) : timeS, report }
}

function readBatch(cursor: Cursor, channel: number, head: Head, readings: Reading[]): MessageProblem | null {
  const { payload } = cursor
  const count = readUvarint(cursor)
  if (count < 0) return badNumber('number of readings', cursor)
  const room = limits.readingsPerMessageMax - readings.length
  if (count < 1 || count > room) {
    return problem('bad_payload', `channel ${channel} announces ${count} readings, 1 to ${room} wanted`)
  }
  const zigzag = readUvarint(cursor)
  if (zigzag < 0) return badNumber('first value', cursor)
  const first = unzigzag(zigzag)
  if (count === 1) {
    readings.push(reading(channel, first, head.timeBase, head.timeS * 1000))
    return null
  }
  const stepS = readUvarint(cursor)
  if (stepS < 0) return badNumber('step', cursor)
  const spanS = (count - 1) * stepS
  const earliestS = head.timeBase === 'now' ? -limits.packedSpanSMax : Math.max(0, head.timeS - limits.packedSpanSMax)
  if (stepS === 0 || head.timeS - spanS < earliestS) {
    return problem(
      'bad_time',
      `${count} readings of channel ${channel} every ${stepS} s do not fit before ${head.timeS} s`,
    )
  }
  const shape = payload[cursor.at] ?? 0xff
  const width = shape & 0x3f
  const areOffsets = (shape & 0x80) !== 0
  if ((shape & 0x40) !== 0 || width > 32) {
    return problem('bad_payload', `width byte ${shape} given, 0 to 32 bits wanted`)
  }
  cursor.at += 1
  const packed = areOffsets ? count : count - 1
  const end = cursor.at + Math.ceil((packed * width) / 8)
  if (end > payload.length) {
    return problem(
      'bad_payload',
      `channel ${channel} needs ${end} bytes for ${count} readings, ${payload.length} given`,
    )
  }
  const unpacked = unpack(payload, cursor.at, width, packed)
  const spareBits = (end - cursor.at) * 8 - packed * width
  if (spareBits > 0 && (payload[end - 1] as number) >> (8 - spareBits) !== 0) {
    return problem('bad_payload', `the ${spareBits} spare bits of channel ${channel} are not 0`)
  }
  cursor.at = end
  const stepMs = stepS * 1000
  let timeMs = (head.timeS - spanS) * 1000
  let value = first
  for (let i = 0; i < count; i++) {
    if (areOffsets) value = first + (unpacked[i] as number)
    else if (i > 0) value += unzigzag(unpacked[i - 1] as number)
    if ((value | 0) !== value) {
      return problem('bad_value', `reading ${i} of channel ${channel} is ${value}, a signed number of 32 bits wanted`)
    }
    readings.push(reading(channel, value, head.timeBase, timeMs))
    timeMs += stepMs
  }
  return null
}

const reading = (channel: number, value: number, timeBase: TimeBase, timeMs: number): Reading => ({
  channel: channelNames[channel] as string,
  value,
  unit: '',
  timeBase,
  timeMs,
})

const badNumber = (what: string, { at }: Cursor) =>
  problem('bad_payload', `${what} at byte ${at}: a varint of at most 32 bits in its shortest form wanted`)

/** Below 2^32; -1, and the cursor stays, when there is none. */
function readUvarint(cursor: Cursor): number {
  let value = 0
  let factor = 1
  for (let i = 0; i < 5; i++) {
    const byte = cursor.payload[cursor.at + i]
    if (byte === undefined) return -1
    value += (byte & 0x7f) * factor
    if (byte < 0x80) {
      if ((byte === 0 && i > 0) || value > 0xffffffff) return -1
      cursor.at += i + 1
      return value
    }
    factor *= 128
  }
  return -1
}

const unzigzag = (zigzag: number): number => (zigzag >>> 1) ^ -(zigzag & 1)

/** `count` numbers of `width` bits, lowest bit first. The caller has seen that the payload holds them. */
function unpack(payload: Buffer, from: number, width: number, count: number): Uint32Array {
  const numbers = new Uint32Array(count)
  // At most 7 bits are left over, so up to 24 bits fit beside the next byte; wider numbers are taken in two parts.
  const low = width > 24 ? 16 : width
  const high = width - low
  const lowMask = 2 ** low - 1
  const highMask = 2 ** high - 1
  let bits = 0
  let held = 0
  let at = from
  for (let i = 0; i < count; i++) {
    while (held < low) {
      bits |= (payload[at++] as number) << held
      held += 8
    }
    let number = bits & lowMask
    bits >>>= low
    held -= low
    if (high > 0) {
      while (held < high) {
        bits |= (payload[at++] as number) << held
        held += 8
      }
      number += (bits & highMask) * 0x10000
      bits >>>= high
      held -= high
    }
    numbers[i] = number
  }
  return numbers
}
