/**
 * From a decoded value (JSON, CBOR, MessagePack: objects with text keys, arrays, scalars) to Reports, by the paths of a
 * TreeLayout. Rows (an element for each time) and columns (arrays of values in one element) are both batches.
 */
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import { isProblem, type Reading, type Report, type Value } from '../reading.ts'
import type { TreeLayout } from '../route.ts'
import { shown } from './shown.ts'
import { compilePath, type Path, walk } from './tree-path.ts'
import { isTimeMs, secondsToMs, timeMsOf, wantedTime } from './unix-time.ts'

export type TreePaths = {
  each: Path
  values: Array<{ path: Path; channel: string }>
  /** null: the layout has none. */
  time: Path | null
  step: Path | number | null
  sequence: Path | null
  boot: Path | null
  sent: Path | null
  next: Path | null
}

/** @throws Error for a path that cannot be read */
export function compilePaths(layout: TreeLayout): TreePaths {
  const optional = (text: string) => (text === '' ? null : compilePath(text))
  // A trailing `[]` says that an array is meant; that is found out by looking anyway.
  const each = compilePath(layout.each.endsWith('[]') ? layout.each.slice(0, -2) : layout.each)
  const isOnly = layout.values.length === 1
  return {
    each,
    values: layout.values.map((text) => ({ path: compilePath(text), channel: isOnly ? '' : text })),
    time: optional(layout.time),
    step: typeof layout.step === 'number' ? layout.step : optional(layout.step),
    sequence: optional(layout.sequence),
    boot: optional(layout.boot),
    // Sent by a clock that says only "before now" is now: it tells nothing.
    sent: layout.timeBase === 'now' ? null : optional(layout.sent),
    next: optional(layout.next),
  }
}

const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

const tooMany = () => problem('bad_payload', `more than ${limits.readingsPerMessageMax} readings in one message`)

/** A number that is a whole one from 0 on, of codecs that have integers of 64 bits too; else null. */
export function countOf(given: unknown): number | null {
  const count = typeof given === 'bigint' ? Number(given) : given
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null
}

function toValue(given: unknown): Value | null {
  if (typeof given === 'number') return Number.isFinite(given) ? given : null
  if (typeof given === 'boolean') return given
  if (typeof given === 'string') return given.length <= limits.valueCharsMax ? given : null
  if (typeof given !== 'bigint') return null
  const number = Number(given)
  return Number.isSafeInteger(number) ? number : null
}

const badValue = (path: Path, given: unknown) =>
  problem(
    'bad_value',
    typeof given === 'string'
      ? `"${path.text}" is a text of ${given.length} characters, at most ${limits.valueCharsMax} wanted`
      : `"${path.text}" is ${shown(given)}, a finite number (whole ones below 2^53), text or boolean wanted`,
  )

/** Where an element's paths begin, and where they are looked for when the element lacks them. */
type Place = { element: unknown; root: unknown; fallback: unknown }

const find = (path: Path, at: Place) => walk(path.fromRoot ? at.root : at.element, path.steps)

/** null and undefined are both "not there". */
function look(path: Path | null, at: Place): unknown {
  if (path === null) return undefined
  return find(path, at) ?? (path.fromRoot ? undefined : walk(at.fallback, path.steps))
}

export function createTreeReader(layout: TreeLayout): (root: unknown) => Report[] | MessageProblem {
  const paths = compilePaths(layout)
  const { timeBase, deltas } = layout

  function read(root: unknown): Report[] | MessageProblem {
    const each = walk(root, paths.each.steps) ?? undefined
    if (each === undefined) return problem('bad_payload', `"${layout.each}" is missing, an array or object wanted`)
    if (!Array.isArray(each)) return readOne({ element: each, root, fallback: root === each ? undefined : root })

    const fallback = root === each ? undefined : root
    const reports: Report[] = []
    let shared: Report | undefined
    let count = 0
    for (const element of each) {
      const at = { element, root, fallback }
      const hasOwnSequence =
        paths.sequence !== null && !paths.sequence.fromRoot && (walk(element, paths.sequence.steps) ?? null) !== null
      let report = hasOwnSequence ? undefined : shared
      if (report === undefined) {
        const begun = beginReport(at)
        if (isProblem(begun)) return begun
        report = begun
        reports.push(report)
        if (!hasOwnSequence) shared = report
      }
      const before = report.readings.length
      const trouble = readElement(at, report.readings)
      if (trouble !== null) return trouble
      count += report.readings.length - before
      if (count > limits.readingsPerMessageMax) return tooMany()
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
      if (typeof next !== 'number' || !(next > 0 && next < Number.POSITIVE_INFINITY)) {
        return problem('bad_time', `"${layout.next}" is ${shown(next)}, seconds above 0 wanted`)
      }
      report.nextS = next
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
    return problem('bad_value', `none of "${layout.values.join('", "')}" found, a value wanted`)
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
    if (values.length > limits.readingsPerMessageMax - readings.length) return tooMany()
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
      stepMs = typeof step === 'number' ? secondsToMs(step) : Number.NaN
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
