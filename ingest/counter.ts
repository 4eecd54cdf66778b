/**
 * Step: a counter of the device becomes what was added since its last report. Whether a lower number is a wrap, a restart
 * or nonsense is decided by what can physically have come: no phantom rain.
 */
import type { CounterEvent } from '../telemetry/quality.ts'
import type { CounterRule } from '../telemetry/route.ts'

/** Plain JSON: it is part of what ingest saves (state.ts). */
export type CounterState = {
  raw: number
  atMs: number
  boot: number | null
  /** A number that could not be explained; when the next one goes on from it, the device has moved there. */
  suspect: { raw: number; atMs: number } | null
}

/** `amount`: in the unit of `per`; null when there is none. */
export type Counted = { event: CounterEvent; amount: number | null; state: CounterState }

/** Clocks of devices tick in seconds, and a gust tips the bucket twice: shorter stretches count as this long. */
const elapsedMsMin = 60_000

/** @param isAgain the report is decided again: if it is the last one, its amount is stored already */
export function countUp(
  rule: CounterRule,
  last: CounterState | null,
  raw: number,
  atMs: number,
  boot: number | null,
  isAgain = false,
): Counted {
  const span = 2 ** rule.bits
  const state: CounterState = { raw, atMs, boot, suspect: null }
  if (!Number.isInteger(raw) || raw < 0 || raw >= span) return { event: 'invalid', amount: null, state: last ?? state }
  if (last === null) return { event: 'first', amount: null, state }
  const counted = (event: CounterEvent, counts: number): Counted => ({ event, amount: worth(rule, counts), state })
  const isPlausible = (counts: number, sinceMs: number) => {
    const elapsedMs = Math.max(elapsedMsMin, atMs - sinceMs)
    return counts * rule.per <= (rule.maxPerHour * elapsedMs) / 3_600_000 + rule.per
  }
  if (isAgain && atMs === last.atMs) return { event: 'late', amount: null, state: last }
  if (atMs < last.atMs) {
    // A later boot, or within one a higher count, is later, whatever the device's clock seems to say.
    const isNext = boot !== null && last.boot !== null && boot > last.boot
    const isOn = boot !== null && boot === last.boot && raw > last.raw
    const counts = isNext ? raw : raw - last.raw
    if (isAgain || !(isNext || isOn) || !isPlausible(counts, last.atMs))
      return { event: 'late', amount: null, state: last }
    return { ...counted(isNext ? 'restarted' : 'counted', counts), state: { ...state, atMs: last.atMs } }
  }
  const hasRestarted = boot !== null && last.boot !== null && boot !== last.boot
  const added = raw - last.raw
  if (!hasRestarted && added >= 0 && isPlausible(added, last.atMs)) return counted('counted', added)
  if (!hasRestarted && added < 0 && isPlausible(added + span, last.atMs)) return counted('wrapped', added + span)
  if ((hasRestarted || added < 0) && isPlausible(raw, last.atMs)) return counted('restarted', raw)
  const { suspect } = last
  if (suspect !== null && atMs > suspect.atMs && raw >= suspect.raw && isPlausible(raw - suspect.raw, suspect.atMs)) {
    return counted('rebased', raw - suspect.raw)
  }
  return { event: 'glitch', amount: null, state: { ...last, suspect: { raw, atMs } } }
}

/** Division where `per` is a decimal fraction like 0.2: 3 * 0.2 would be 0.6000000000000001. */
function worth({ per }: CounterRule, counts: number): number {
  const perUnit = Math.round(1 / per)
  return Math.abs(perUnit * per - 1) < 1e-12 ? counts / perUnit : counts * per
}
