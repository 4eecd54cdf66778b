/**
 * Step: the value of a reading becomes the value of its field: unit, scale and offset, counter, calibration, type, range, in
 * this order.
 */
import { type Counters, count } from '../telemetry/counters.ts'
import type { MessageProblem } from '../telemetry/errors.ts'
import { counterEvents } from '../telemetry/quality.ts'
import type { Reading, Value } from '../telemetry/reading.ts'
import { applyConversion } from '../telemetry/units.ts'
import { type CounterState, countUp } from './counter.ts'
import { conversionOf, type Target } from './target.ts'

/** null: nothing to store, as of the first report of a counter. */
export type FieldValue = Value | null | MessageProblem

/** @param states of the device's counters, by series */
export function fieldValue(
  target: Target,
  reading: Reading,
  timeMs: number,
  boot: number | null,
  states: Map<string, CounterState>,
  { isAgain, isQuiet }: { isAgain: boolean; isQuiet: boolean },
  counters: Counters,
): FieldValue {
  const { series } = target
  const { value } = reading
  if (typeof value !== 'number') return ofType(value, target)
  let number = value
  if (reading.unit !== '' && reading.unit !== target.unit) {
    const found = conversionOf(target, reading.unit)
    if (found === null) return problem('bad_value', target, `unit ${reading.unit} given, ${target.unit} wanted`)
    number = applyConversion(number, found)
  }
  if (target.counter !== null) {
    const { event, amount, state } = countUp(
      target.counter,
      states.get(series.key) ?? null,
      number,
      timeMs,
      boot,
      isAgain,
    )
    states.set(series.key, state)
    if (!isQuiet) count(counters.counterEvents, event)
    if (event === 'glitch' || event === 'invalid') {
      return problem('counter_glitch', target, `the counter ${counterEvents[event]}: ${number}`)
    }
    if (amount === null) return null
    number = amount
  } else if (target.scale !== 1 || target.offset !== 0) {
    number = scaled(number, target.scale) + target.offset
  }
  for (const calibration of target.calibration) {
    if (timeMs < calibration.fromMs) continue
    number = scaled(number, calibration.scale) + calibration.offset
    break
  }
  const typed = series.type === 'float' ? number : ofType(number, target)
  if (typeof typed === 'object' || !Number.isFinite(number)) {
    return typeof typed === 'object' ? typed : problem('bad_value', target, `${number} is no finite number`)
  }
  if (target.range !== null && (number < target.range[0] || number > target.range[1])) {
    return problem('out_of_range', target, `${number} given, ${target.range[0]} to ${target.range[1]} wanted`)
  }
  return typed
}

/** 3 * 0.2 is 0.6000000000000001; 3 / 5 is the double nearest to 0.6. */
function scaled(value: number, scale: number): number {
  const inverse = Math.round(1 / scale)
  return inverse !== 0 && inverse * scale === 1 ? value / inverse : value * scale
}

function ofType(value: Value, target: Target): Value | MessageProblem {
  const { type } = target.series
  if (type === 'float' && typeof value === 'number') return value
  if (type === 'integer' && typeof value === 'number') {
    // What scaling leaves of a binary fraction is no fraction of the device's.
    const whole = Math.round(value)
    if (Number.isSafeInteger(whole) && Math.abs(value - whole) <= 1e-9 * Math.max(1, Math.abs(whole))) return whole
  }
  if (type === 'boolean' && typeof value === 'boolean') return value
  if (type === 'boolean' && (value === 0 || value === 1)) return value === 1
  if (type === 'string' && typeof value === 'string') return value
  return problem('wrong_type', target, `${JSON.stringify(value).slice(0, 60)} given, ${type} wanted`)
}

const problem = (code: MessageProblem['code'], { series }: Target, detail: string): MessageProblem => ({
  code,
  detail: `${series.measurement} ${series.field}: ${detail}`,
})
