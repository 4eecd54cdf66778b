/**
 * A packed C struct, or any fixed layout of numbers, as the route declares it: `head` once, then `repeat` up to the end. The
 * layout becomes a list of steps when the route is made; a payload is read by walking it.
 */

import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import { timeMsMax } from '../point.ts'
import { type Codec, isProblem, type Reading, type Report, type TimeBase } from '../reading.ts'
import type { StructLayout } from '../route.ts'
import { encodeStruct } from './struct-encode.ts'
import { compile, millisecondsFrom, type Part, readNumber, type Step } from './struct-steps.ts'

type Moment = { timeBase: TimeBase; timeMs: number }
/** What the roles of one part say. */
type Said = { moment: Moment | null; report: Omit<Report, 'readings'>; values: Array<[channel: string, value: number]> }

const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

/** @throws Error when the layout asks for what cannot be: bits of a float, or more bits than the type has. */
export function createStructCodec(layout: StructLayout): Codec {
  const head = compile(layout.head)
  const repeat = compile(layout.repeat)
  const stepMs = layout.step * 1000
  return {
    decode: (payload) => decode(payload, head, repeat, stepMs),
    encode: (reports) => encodeStruct(reports, head, repeat),
  }
}

function decode(payload: Buffer, head: Part, repeat: Part, stepMs: number): Report[] | MessageProblem {
  const count = repeatsIn(payload.length, head, repeat)
  if (typeof count === 'object') return count
  const said = readPart(payload, 0, head)
  if (isProblem(said)) return said
  const whole: Report = {
    ...said.report,
    readings: said.values.map(([channel, value]) => reading(channel, value, said.moment)),
  }
  const reports: Report[] = [whole]
  for (let i = 0; i < count; i++) {
    const element = readPart(payload, head.bytes + i * repeat.bytes, repeat)
    if (isProblem(element)) return element
    const moment = element.moment ?? momentOf(said.moment, i, count, stepMs)
    if (moment !== null && !isSane(moment)) return badTime(moment)
    const readings = element.values.map(([channel, value]) => reading(channel, value, moment))
    // An element that counts itself is a report of its own, of the boot that the head names.
    if (element.report.sequence !== undefined) reports.push({ ...said.report, ...element.report, readings })
    else {
      Object.assign(whole, element.report)
      whole.readings.push(...readings)
    }
  }
  return reports.filter((report) => report.readings.length > 0)
}

/** A repeat without a time of its own. Without one in the head either, the last repeat is now. */
function momentOf(head: Moment | null, i: number, count: number, stepMs: number): Moment | null {
  if (head !== null) return { timeBase: head.timeBase, timeMs: head.timeMs + i * stepMs }
  return stepMs === 0 ? null : { timeBase: 'now', timeMs: (i + 1 - count) * stepMs }
}

function repeatsIn(bytes: number, head: Part, repeat: Part): number | MessageProblem {
  const rest = bytes - head.bytes
  const count = repeat.bytes === 0 ? 0 : rest / repeat.bytes
  if (rest < 0 || !Number.isInteger(count) || (repeat.bytes === 0 && rest > 0)) {
    const wanted = repeat.bytes === 0 ? `${head.bytes}` : `${head.bytes} and a multiple of ${repeat.bytes}`
    return problem('bad_payload', `${bytes} bytes given, ${wanted} wanted`)
  }
  const readings = head.channels + count * repeat.channels
  if (readings <= limits.readingsPerMessageMax) return count
  return problem('bad_payload', `${readings} readings given, at most ${limits.readingsPerMessageMax} wanted`)
}

function readPart(payload: Buffer, from: number, part: Part): Said | MessageProblem {
  const said: Said = { moment: null, report: {}, values: [] }
  for (const step of part.steps) {
    if (step.name === '-') continue
    const value = readNumber(payload, from + step.offset, step)
    const failure = take(said, step, value)
    if (failure !== null) {
      return problem(failure.code, `${step.name} at byte ${from + step.offset}: ${failure.detail}`)
    }
  }
  return said
}

function take(said: Said, step: Step, value: number): MessageProblem | null {
  if (!Number.isFinite(value)) return problem('bad_value', `${value} given, a finite number wanted`)
  const isCount = Number.isSafeInteger(value) && value >= 0
  switch (step.name) {
    case 'time':
      return takeMoment(said, 'unix', value < millisecondsFrom ? value * 1000 : value)
    case 'uptime':
      return takeMoment(said, 'boot', value * 1000)
    case 'age':
      return takeMoment(said, 'now', 0 - value * 1000)
    case 'seq':
      if (!isCount) return problem('bad_sequence', `${value} given, a whole number from 0 to 2^53 wanted`)
      said.report.sequence = value
      if (step.sequenceBits !== null) said.report.sequenceBits = step.sequenceBits
      return null
    case 'boot':
      if (!isCount) return problem('bad_sequence', `${value} given, a whole number from 0 to 2^53 wanted`)
      said.report.boot = value
      return null
    case 'next':
      if (value < 0) return problem('bad_value', `${value} given, seconds from 0 on wanted`)
      said.report.nextS = value
      return null
    default:
      if (step.isInteger && !Number.isSafeInteger(value)) {
        return problem('bad_value', `${value} is beyond 2^53, where numbers are no longer exact`)
      }
      said.values.push([step.name, value])
      return null
  }
}

function takeMoment(said: Said, timeBase: TimeBase, timeMs: number): MessageProblem | null {
  said.moment = { timeBase, timeMs }
  return isSane(said.moment) ? null : badTime(said.moment)
}

const isSane = ({ timeBase, timeMs }: Moment): boolean =>
  timeBase === 'now' ? timeMs <= 0 && timeMs >= -timeMsMax : timeMs >= 0 && timeMs <= timeMsMax

const badTime = ({ timeBase, timeMs }: Moment) =>
  problem('bad_time', `a time of ${timeMs} ms (${timeBase}) lies outside what can be stored`)

const reading = (channel: string, value: number, moment: Moment | null): Reading => ({
  channel,
  value,
  unit: '',
  timeBase: moment?.timeBase ?? 'none',
  timeMs: moment?.timeMs ?? 0,
})
