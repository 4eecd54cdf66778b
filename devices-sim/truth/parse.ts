/** A line of a truth file (line.ts) to its event. What it does not hold is told: what was given, what was wanted. Nothing throws. */
import type { Value } from '../../telemetry/reading.ts'
import type { Quantity } from '../sensor.ts'
import { howLetters, ofSteps, truthFormat } from './line.ts'
import type { TimeKnowledge, TruthEvent, TruthHead, TruthSample } from './truth.ts'

/** A report without its samples. */
export type BriefReport = { type: 'brief'; device: number; nth: number; atMs: number; samples: number }
export type LineProblem = { problem: string }
type Report = Extract<TruthEvent, { type: 'report' }>
type Fields = readonly unknown[]

/** One line of a hostile file must not become more than this. */
const samplesMax = 100_000
const hows = new Map<unknown, TimeKnowledge['how']>(
  Object.entries(howLetters).map(([how, letter]) => [letter, how as TimeKnowledge['how']]),
)
const dropReasons = ['flash_full', 'brown_out', 'death', 'run_over', 'qos_0'] as const
const states = ['awake', 'asleep', 'dead'] as const
const phases = ['begin', 'end'] as const
const kinds = ['gauge', 'increment', 'counter', 'text'] as const

const isWhole = (it: unknown): it is number => Number.isSafeInteger(it)
const isCount = (it: unknown): it is number => isWhole(it) && it >= 0
const isText = (it: unknown): it is string => typeof it === 'string'
const isOneOf = <Choice>(choices: readonly Choice[], it: unknown): it is Choice => choices.includes(it as Choice)
const isValue = (it: unknown): it is Value | null =>
  it === null || typeof it === 'string' || typeof it === 'boolean' || Number.isFinite(it)

const given = (it: unknown) => JSON.stringify(it)?.slice(0, 120) ?? 'nothing'
const problem = (it: unknown, wanted: string): LineProblem => ({ problem: `${given(it)} given, ${wanted} wanted` })

export function parseHead(text: string): TruthHead | LineProblem {
  const fields = parseFields(text)
  const [format, seed, scenario, clock, startedAtMs] = fields ?? []
  if (format !== truthFormat) return problem(fields ?? text, `the head of a truth file, ["${truthFormat}", ...]`)
  if (
    !Number.isFinite(seed) ||
    !isText(scenario) ||
    !isOneOf(['real', 'virtual'] as const, clock) ||
    !isWhole(startedAtMs)
  )
    return problem(fields, `["${truthFormat}", seed, scenario, "real" or "virtual", ms since 1970]`)
  return { format, seed: seed as number, scenario, clock, startedAtMs }
}

function parseFields(text: string): Fields | null {
  try {
    const fields: unknown = JSON.parse(text)
    return Array.isArray(fields) ? fields : null
  } catch {
    return null
  }
}

/** `isBrief`: reports without their samples. Null: the line is no event. */
export function createLineParser(isBrief: boolean): (text: string) => TruthEvent | BriefReport | LineProblem | null {
  let baseMs: number | null = null
  const known = new Map<number, Quantity[]>()

  function parseDevice(fields: Fields): TruthEvent | LineProblem {
    const [, device, site, name, clientId, profile, gateway, quantities] = fields
    if (!isCount(device) || !isText(site) || !isText(name) || !isText(clientId) || !isText(profile))
      return problem(fields, 'a number, site, device, client and profile')
    if (gateway !== null && !isText(gateway)) return problem(gateway, 'a gateway or null')
    if (!Array.isArray(quantities) || !quantities.every(isQuantity)) return problem(quantities, 'quantities')
    known.set(device, quantities)
    return { type: 'device', device, about: { site, device: name, clientId, profile, gateway, quantities } }
  }

  /** Lines that name a device and one of its reports. */
  function parseOfReport(fields: Fields, base: number): TruthEvent | BriefReport | LineProblem {
    const [letter, device, nth, at] = fields
    if (!isCount(device) || !isCount(nth) || !isWhole(at)) return problem(fields, 'device, report and time')
    const quantities = known.get(device)
    if (quantities === undefined) return problem(device, 'a device that was told before')
    const atMs = base + at
    if (letter === 's') return { type: 'sent', device, nth, atMs }
    if (letter === 'a') return { type: 'acknowledged', device, nth, atMs }
    if (letter === 'x') {
      const why = fields[4]
      return isOneOf(dropReasons, why)
        ? { type: 'dropped', device, nth, atMs, why }
        : problem(why, dropReasons.join(', '))
    }
    const samples = fields[4]
    if (!isCount(samples) || samples > samplesMax) return problem(samples, `0 to ${samplesMax} samples`)
    if (isBrief) return { type: 'brief', device, nth, atMs, samples }
    return parseReport(fields, quantities, { device, nth, atMs, samples })
  }

  return (text) => {
    // Beyond its fifth field a report is long.
    const fields = parseFields(isBrief && text.startsWith('["r",') ? beginning(text) : text)
    if (fields === null) return problem(text, 'a JSON array')
    const [letter, second, third] = fields
    if (letter === 't') {
      if (!isWhole(second)) return problem(second, 'ms since 1970')
      baseMs = second
      return null
    }
    if (letter === 'd') return parseDevice(fields)
    if (baseMs === null) return problem(fields, 'a line of time, ["t", ms], before')
    switch (letter) {
      case 'r':
      case 's':
      case 'a':
      case 'x':
        return parseOfReport(fields, baseMs)
      case 'w': {
        const [, device, at, state, until] = fields
        if (!isCount(device) || !known.has(device)) return problem(device, 'a device that was told before')
        if (!isWhole(at) || !isOneOf(states, state)) return problem(fields, `a time, and ${states.join(', ')}`)
        if (until !== null && !isWhole(until)) return problem(until, 'a time or null')
        return { type: 'state', device, atMs: baseMs + at, state, untilMs: until === null ? null : baseMs + until }
      }
      case 'i': {
        const [, id, at, phase, kind, devices, detail] = fields
        if (!isCount(id) || !isWhole(at) || !isOneOf(phases, phase) || !isText(kind) || !isText(detail))
          return problem(fields, 'a number, time, begin or end, kind, devices, detail')
        if (!Array.isArray(devices) || !devices.every(isCount)) return problem(devices, 'numbers of devices')
        return { type: 'incident', id, atMs: baseMs + at, phase, kind, devices, detail }
      }
      case 'l': {
        const payload = fields[3]
        if (!isWhole(second) || !isText(third) || !isText(payload)) return problem(fields, 'a time, topic and payload')
        return { type: 'alert', atMs: baseMs + second, topic: third, payload }
      }
      case 'e':
        return isWhole(second) ? { type: 'end', atMs: baseMs + second } : problem(second, 'a time')
      default:
        return problem(letter, 'one of t d r s a x w i l e')
    }
  }
}

/** The first five fields, all of them numbers or a letter. */
function beginning(text: string): string {
  let end = -1
  for (let i = 0; i < 5; i++) {
    end = text.indexOf(',', end + 1)
    if (end === -1) return text
  }
  return `${text.slice(0, end)}]`
}

function isQuantity(it: unknown): it is Quantity {
  const { channel, unit, resolution, kind, counterBits } = Object(it) as { [name in keyof Quantity]?: unknown }
  const isResolution = resolution === null || (Number.isFinite(resolution) && (resolution as number) > 0)
  const isBits = counterBits === undefined || (isCount(counterBits) && counterBits <= 52)
  return isText(channel) && isText(unit) && isResolution && isOneOf(kinds, kind) && isBits
}

type ReportPlace = { device: number; nth: number; atMs: number; samples: number }

function parseReport(fields: Fields, quantities: Quantity[], place: ReportPlace): Report | LineProblem {
  const { samples: count, ...rest } = place
  const how = hows.get(fields[5])
  const resolutionMs = fields[6]
  if (how === undefined) return problem(fields[5], [...hows.keys()].join(', '))
  if (!Number.isFinite(resolutionMs)) return problem(resolutionMs, 'a resolution in ms')
  const boot = fields[8]
  if (boot !== null && !isCount(boot)) return problem(boot, 'the number of a boot, or null')
  const taken = takenOf(fields[9], count, rest.atMs)
  if (taken === null) return problem(fields[9], `times of ${count} samples`)
  const samples = taken.map((takenAtMs): TruthSample => ({ takenAtMs, values: [] }))
  for (const [i, { channel, resolution }] of quantities.entries()) {
    const column = fields[10 + i]
    if (!addColumn(samples, column, resolution)) return problem(column, `${count} values of ${channel}`)
  }
  const time = { how, resolutionMs: resolutionMs as number }
  return { type: 'report', ...rest, boot, time, samples, expect: fields[7] === 1 ? 'stored' : 'quarantined' }
}

function takenOf(times: unknown, count: number, atMs: number): number[] | null {
  if (!Array.isArray(times) || !times.every(isWhole)) return null
  if (count === 0) return []
  const [age, step = 0, ...others] = times as number[]
  const isEven = times.length <= 2
  if (age === undefined || (!isEven && others.length !== count - 2) || (isEven && count > 1 && times.length < 2))
    return null
  const taken = [atMs - age]
  for (let i = 1; i < count; i++)
    taken.push((taken[i - 1] as number) + (isEven || i === 1 ? step : (others[i - 2] as number)))
  return taken
}

/** Adds a value to each sample; false when the column is none. */
function addColumn(samples: TruthSample[], column: unknown, resolution: number | null): boolean {
  if (!Array.isArray(column)) {
    if (!isValue(column)) return false
    for (const { values } of samples) values.push(column)
    return true
  }
  const [first] = column as unknown[]
  if (!Array.isArray(first)) {
    if (column.length !== samples.length || !column.every(isValue)) return false
    for (const [i, { values }] of samples.entries()) values.push(column[i] as Value | null)
    return true
  }
  if (resolution === null || first.length !== samples.length || !first.every(isWhole)) return false
  let steps = 0
  for (const [i, { values }] of samples.entries()) {
    steps += first[i] as number
    values.push(ofSteps(steps, resolution))
  }
  return true
}
