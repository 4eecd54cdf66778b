/**
 * From a decoded value (JSON, CBOR, MessagePack: objects with text keys, arrays, scalars) to Reports, by the paths of a
 * TreeLayout. Rows (an element for each time) and columns (arrays of values in one element) are both batches.
 */
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import { isProblem, type Reading, type Report, type Value } from '../reading.ts'
import type { TreeLayout } from '../route.ts'
import { countOf, numberOf, secondsAhead } from './numbers.ts'
import { shown } from './shown.ts'
import { compilePaths, find, look, type Place } from './tree-layout.ts'
import { type Path, walk } from './tree-path.ts'
import { isTimeMs, secondsToMs, timeMsOf, wantedTime } from './unix-time.ts'

const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

const tooMany = () => problem('bad_payload', `more than ${limits.readingsPerMessageMax} readings in one message`)

function toValue(given: unknown): Value | null {
  if (typeof given === 'number') return Number.isFinite(given) ? given : null
  if (typeof given === 'boolean') return given
  if (typeof given === 'string') return given.length <= limits.valueCharsMax ? given : null
  const number = numberOf(given)
  return Number.isSafeInteger(number) ? number : null
}

const badValue = (path: Path, given: unknown) =>
  problem(
    'bad_value',
    typeof given === 'string'
      ? `"${path.text}" is a text of ${given.length} characters, at most ${limits.valueCharsMax} wanted`
      : `"${path.text}" is ${shown(given)}, a finite number (whole ones below 2^53), text or boolean wanted`,
  )

const inElement = (i: number, { code, detail }: MessageProblem) => problem(code, `element ${i}: ${detail}`)

export function createTreeReader(layout: TreeLayout): (root: unknown) => Report[] | MessageProblem {
  const paths = compilePaths(layout)
  const { timeBase, deltas } = layout
  /** How many values the message that is being read may still hold; gaps count too. */
  let left = 0

  function read(root: unknown): Report[] | MessageProblem {
    const each = walk(root, paths.each.steps) ?? undefined
    if (each === undefined) return problem('bad_payload', `"${layout.each}" is missing, an array or object wanted`)
    left = limits.readingsPerMessageMax
    if (!Array.isArray(each)) {
      return readOne({ element: each, root, fallback: root === each ? undefined : root, seen: null })
    }

    const fallback = root === each ? undefined : root
    const reports: Report[] = []
    let shared: Report | undefined
    const seen = new Map<Path, unknown>()
    for (let i = 0; i < each.length; i++) {
      const element: unknown = each[i]
      const at = { element, root, fallback, seen }
      const hasOwnSequence =
        paths.sequence !== null && !paths.sequence.fromRoot && (walk(element, paths.sequence.steps) ?? null) !== null
      let report = hasOwnSequence ? undefined : shared
      if (report === undefined) {
        const begun = beginReport(at)
        if (isProblem(begun)) return inElement(i, begun)
        report = begun
        reports.push(report)
        if (!hasOwnSequence) shared = report
      }
      const trouble = readElement(at, report.readings)
      if (trouble !== null) return inElement(i, trouble)
    }
    return reports
  }

  function readOne(at: Place): Report[] | MessageProblem {
    const report = beginReport(at)
    if (isProblem(report)) return report
    return readElement(at, report.readings) ?? [report]
  }

  function beginReport(at: Place): Report | MessageProblem {
    const report: Report = { readings: [] }
    const sequence = look(paths.sequence, at) ?? null
    if (sequence !== null) {
      const count = countOf(sequence)
      if (count === null) return badCount(layout.sequence, sequence)
      report.sequence = count
    }
    const boot = look(paths.boot, at) ?? null
    if (boot !== null) {
      const count = countOf(boot)
      if (count === null) return badCount(layout.boot, boot)
      report.boot = count
    }
    const sent = look(paths.sent, at) ?? null
    if (sent !== null) {
      const sentMs = timeMsOf(timeBase, sent)
      if (sentMs === null) return badTime(layout.sent, sent)
      report.sentMs = sentMs
    }
    const next = look(paths.next, at) ?? null
    if (next !== null) {
      const nextS = secondsAhead(next)
      if (nextS === null) return problem('bad_time', `"${layout.next}" is ${shown(next)}, seconds above 0 wanted`)
      report.nextS = nextS
    }
    return report
  }

  const badCount = (path: string, given: unknown) =>
    problem('bad_sequence', `"${path}" is ${shown(given)}, a whole number from 0 on wanted`)

  const badTime = (path: string, given: unknown) =>
    problem('bad_time', `"${path}" is ${shown(given)}, ${wantedTime[timeBase]} wanted`)

  function readElement(at: Place, readings: Reading[]): MessageProblem | null {
    const time = look(paths.time, at) ?? null
    let timeMs = 0
    if (time !== null && !Array.isArray(time)) {
      const read = timeMsOf(timeBase, time)
      if (read === null) return badTime(layout.time, time)
      timeMs = read
    }
    let isMeasured = false
    for (const { path, channel } of paths.values) {
      const given = find(path, at) ?? null
      if (given === null) continue
      isMeasured = true
      left -= Array.isArray(given) ? given.length : 1
      if (left < 0) return tooMany()
      if (Array.isArray(given)) {
        const trouble = readBatch(at, path, channel, given, time, timeMs, readings)
        if (trouble !== null) return trouble
        continue
      }
      const value = toValue(given)
      if (value === null) return badValue(path, given)
      if (Array.isArray(time)) {
        return problem(
          'bad_time',
          `"${layout.time}" is ${shown(time)}, one time for the one value "${path.text}" wanted`,
        )
      }
      readings.push({ channel, value, unit: '', timeBase: time === null ? 'none' : timeBase, timeMs })
    }
    if (isMeasured) return null
    const none = layout.values.length === 1 ? 'no' : 'none of'
    return problem('bad_value', `${none} "${layout.values.join('", "')}" found, a value wanted`)
  }

  /** `time`: null, an array, or something that was read as the time `firstMs` of the first value. */
  function readBatch(
    at: Place,
    path: Path,
    channel: string,
    values: unknown[],
    time: unknown,
    firstMs: number,
    readings: Reading[],
  ): MessageProblem | null {
    const times = Array.isArray(time) ? time : null
    if (times !== null && times.length !== values.length) {
      return problem(
        'bad_time',
        `"${path.text}" has ${values.length} values and "${layout.time}" ${times.length} times`,
      )
    }
    let stepMs = 0
    if (time !== null && times === null && values.length > 1) {
      const step = typeof paths.step === 'number' ? paths.step : look(paths.step, at)
      stepMs = secondsToMs(numberOf(step) ?? Number.NaN)
      if (!isTimeMs(timeBase, firstMs + (values.length - 1) * stepMs)) {
        const detail = `"${layout.step}" is ${shown(step)}, seconds between the ${values.length} values of "${path.text}"`
        return problem('bad_time', `${detail} wanted, none of which may leave the range of its time base`)
      }
    }
    let sum = 0
    for (let i = 0; i < values.length; i++) {
      const given = values[i] ?? null
      let value = given === null ? null : toValue(given)
      if (deltas) {
        sum += typeof value === 'number' ? value : Number.NaN
        if (!Number.isFinite(sum)) return badValue(path, given)
        value = sum
      } else if (given === null) continue
      if (value === null) return badValue(path, given)
      let timeMs: number | null = firstMs + i * stepMs
      if (times !== null) {
        timeMs = timeMsOf(timeBase, times[i])
        if (timeMs === null) return badTime(layout.time, times[i])
      }
      readings.push({ channel, value, unit: '', timeBase: time === null ? 'none' : timeBase, timeMs })
    }
    return null
  }

  return read
}
