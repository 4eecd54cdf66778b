/**
 * Lines of a truth file. Times in it are whole milliseconds; `at` counts from the last `t` line, so that it is short and that a reader
 * may pass over the lines of devices it does not want.
 *
 *     ["dewpoint-truth/1", seed, scenario, clock, startedAtMs]                      the first line
 *     ["t", ms since 1970]
 *     ["d", device, site, name, clientId, profile, gateway, quantities]
 *     ["r", device, nth, at, samples, how, resolutionMs, isStored, boot, times, column of each quantity ...]
 *     ["s", device, nth, at]          sent
 *     ["a", device, nth, at]          acknowledged
 *     ["x", device, nth, at, why]     dropped
 *     ["w", device, at, state, at of its end or null]
 *     ["i", id, at, phase, kind, devices, detail]
 *     ["l", at, topic, payload]       alert
 *     ["e", at]                       end
 *
 * how: e(xact), g (age), r(eckoned), a(rrival). times: the age of the first sample at `at`, and the steps from sample to sample; one
 * step where all are equal. column: a value that all samples have; [value, ...] of each; or [[steps, ...]], the first value in steps of the
 * quantity's resolution and what each further one differs.
 */
import type { Value } from '../../telemetry/reading.ts'
import type { Quantity } from '../sensor.ts'
import type { TimeKnowledge, TruthEvent, TruthHead, TruthSample } from './truth.ts'

export const truthFormat = 'dewpoint-truth/1'
export const howLetters = { exact: 'e', age: 'g', reckoned: 'r', arrival: 'a' } as const satisfies {
  [how in TimeKnowledge['how']]: string
}

/** How far `at` runs before another `t` line: keeps it at five digits. */
const baseEveryMs = 100_000

export const headLine = ({ format, seed, scenario, clock, startedAtMs }: TruthHead): string =>
  `${JSON.stringify([format, seed, scenario, clock, Math.round(startedAtMs)])}\n`

/** A value of so many steps: a division where the resolution is a decimal fraction, 3 * 0.2 would be 0.6000000000000001. */
export function ofSteps(steps: number, resolution: number): number {
  const perUnit = Math.round(1 / resolution)
  return Math.abs(perUnit * resolution - 1) < 1e-12 ? steps / perUnit : steps * resolution
}

/** Event to text, with a line feed behind each of its lines. */
export function createLineWriter(): (event: TruthEvent) => string {
  let baseMs = Number.NaN
  const quantities = new Map<number, Quantity[]>()

  function fields(event: TruthEvent, at: (ms: number) => number): unknown[] {
    switch (event.type) {
      case 'device': {
        const { site, device, clientId, profile, gateway, quantities: measured } = event.about
        quantities.set(event.device, measured)
        return ['d', event.device, site, device, clientId, profile, gateway, measured]
      }
      case 'report': {
        const { device, nth, atMs, samples, boot, time, expect } = event
        const known = quantities.get(device)
        if (known === undefined) throw new Error(`report of device ${device}, which was not told`)
        const columns = known.map(({ resolution }, i) =>
          columnOf(
            samples.map((sample) => sample.values[i] ?? null),
            resolution,
          ),
        )
        const knowledge = [howLetters[time.how], time.resolutionMs, expect === 'stored' ? 1 : 0, boot]
        return ['r', device, nth, at(atMs), samples.length, ...knowledge, timesOf(samples, atMs), ...columns]
      }
      case 'sent':
        return ['s', event.device, event.nth, at(event.atMs)]
      case 'acknowledged':
        return ['a', event.device, event.nth, at(event.atMs)]
      case 'dropped':
        return ['x', event.device, event.nth, at(event.atMs), event.why]
      case 'state': {
        const { device, atMs, state, untilMs } = event
        return ['w', device, at(atMs), state, untilMs === null ? null : at(untilMs)]
      }
      case 'incident':
        return ['i', event.id, at(event.atMs), event.phase, event.kind, event.devices, event.detail]
      case 'alert':
        return ['l', at(event.atMs), event.topic, event.payload]
      case 'end':
        return ['e', at(event.atMs)]
    }
  }

  return (event) => {
    let before = ''
    if ('atMs' in event) {
      const atMs = Math.round(event.atMs)
      if (!(Math.abs(atMs - baseMs) < baseEveryMs)) {
        baseMs = atMs
        before = `["t",${atMs}]\n`
      }
    }
    return `${before}${JSON.stringify(fields(event, (ms) => Math.round(ms) - baseMs))}\n`
  }
}

function timesOf(samples: TruthSample[], atMs: number): number[] {
  const taken = samples.map((it) => Math.round(it.takenAtMs))
  const first = taken[0]
  if (first === undefined) return []
  const steps = taken.slice(1).map((ms, i) => ms - (taken[i] as number))
  const isEven = steps.every((step) => step === steps[0])
  return [Math.round(atMs) - first, ...(isEven ? steps.slice(0, 1) : steps)]
}

function columnOf(values: Array<Value | null>, resolution: number | null): unknown {
  const [first = null] = values
  if (values.every((value) => value === first)) return first
  if (resolution === null) return values
  const steps: number[] = []
  for (const value of values) {
    const step = typeof value === 'number' ? Math.round(value / resolution) : Number.NaN
    if (!Number.isSafeInteger(step) || ofSteps(step, resolution) !== value) return values
    steps.push(step)
  }
  return [steps.map((step, i) => (i === 0 ? step : step - (steps[i - 1] as number)))]
}
