/**
 * Whose fault it is that reports of an hour are missing. Evidence is taken in this order, each for no more reports than were due in
 * its part of the hour: what we rejected, our own outages, sleep. Of the rest, a numbered report was made and got lost on the
 * network; of one without a number nobody knows whether it was made, unless its connection was broken.
 */
import type { DeviceState } from '../telemetry/device.ts'

export const faultNames = ['asleep', 'network', 'rejected', 'us', 'unknown'] as const
/** In reports; their sum is what is missing. */
export type Faults = { [fault in (typeof faultNames)[number]]: number }

/** Times: milliseconds since 1970. */
export type Span = { fromMs: number; toMs: number }
export type StateSpan = Span & { state: DeviceState }

/** All in order of time; spans of one kind do not overlap. */
export type Evidence = {
  states: StateSpan[]
  outages: Span[]
  /** When messages of the device came that stand in the quarantine. */
  rejectedAtMs: number[]
  /** Its reports carry sequences: what is missing was made. */
  isNumbered: boolean
}

/** `toMs`: end of the hour, or now when that is earlier. */
export type CountedHour = Span & { expected: number; missing: number }

/** For one hour after the other: each in order of time, so that the evidence is walked through once. */
export function createFaultFinder({ states, outages, rejectedAtMs, isNumbered }: Evidence): (h: CountedHour) => Faults {
  const statesIn = spansIn(states)
  const outagesIn = spansIn(outages)
  const rejectedIn = spansIn(rejectedAtMs.map((atMs) => ({ fromMs: atMs, toMs: atMs + 1 })))

  return (hour) => {
    const lasting = (spans: readonly Span[]) => spans.reduce((total, span) => total + overlapMs(span, hour), 0)
    const dueIn = (ms: number) => Math.ceil((hour.expected * ms) / Math.max(1, hour.toMs - hour.fromMs))
    let rest = hour.missing
    const take = (atMost: number): number => {
      const taken = Math.min(Math.max(rest, 0), atMost)
      rest -= taken
      return taken
    }
    const seen = statesIn(hour)
    const inState = (isMeant: (state: DeviceState) => boolean) =>
      dueIn(lasting(seen.filter(({ state }) => isMeant(state))))

    const rejected = take(rejectedIn(hour).filter(({ fromMs }) => fromMs >= hour.fromMs).length)
    const us = take(dueIn(lasting(outagesIn(hour))))
    const asleep = take(inState((state) => state === 'asleep'))
    const network = take(inState((state) => (isNumbered ? state !== 'never-seen' : state === 'offline')))
    return { asleep, network, rejected, us, unknown: rest }
  }
}

const overlapMs = (a: Span, b: Span): number => Math.max(0, Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs))

/** Those that touch the stretch asked for; no question may begin before the one before it. */
function spansIn<S extends Span>(spans: readonly S[]): (asked: Span) => S[] {
  let first = 0
  return (asked) => {
    while (first < spans.length && (spans[first] as S).toMs <= asked.fromMs) first++
    let end = first
    while (end < spans.length && (spans[end] as S).fromMs < asked.toMs) end++
    return spans.slice(first, end)
  }
}
