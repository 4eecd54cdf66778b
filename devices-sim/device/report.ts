/** What a device says of a report at the moment of sending: the values stay, but an age is told anew each time. */
import type { Reading, Report, TimeBase } from '../../telemetry/reading.ts'
import type { TimeKnowledge, TruthSample } from '../truth/truth.ts'
import type { OwnClock } from './clock.ts'
import type { WaitingReport } from './flash.ts'
import type { Wire } from './format.ts'
import type { Layout } from './layout.ts'

export type Now = { nowMs: number; clock: OwnClock; boot: number; uptimeMs: number; reportEveryS: number }

export function reportOf(wire: Wire, waiting: WaitingReport, now: Now): Report {
  const { layout } = wire
  const readings = readingsOf(wire, waiting, timeOfLast(layout, waiting, now))
  const sent = layout.has.sent ? sentMs(layout, waiting, now) : null
  return {
    readings,
    ...(layout.has.sequence && { sequence: sequenceOf(layout, waiting) }),
    ...(layout.has.boot && { boot: waiting.boot }),
    ...(sent !== null && { sentMs: sent }),
    // Constant, so that a report that is sent again is the same bytes where nothing else tells that it is.
    ...(layout.has.next && { nextS: Math.max(1, Math.round(now.reportEveryS)) }),
  }
}

function sequenceOf({ options }: Layout, { sequence }: WaitingReport): number {
  if (options.codec === 'sparkplug-b') return sequence % 2 ** 8
  return options.codec === 'packed' ? sequence % 2 ** 16 : sequence
}

function readingsOf(wire: Wire, { samples, stream, timeBase }: WaitingReport, lastMs: number): Reading[] {
  const { layout, channels } = wire
  const lastTakenMs = (samples.at(-1) as TruthSample).takenAtMs
  const readings: Reading[] = []
  const add = ({ takenAtMs, values }: TruthSample, i: number) => {
    const value = values[i] ?? null
    if (value === null) return
    const timeMs = timeBase === 'none' ? 0 : lastMs - (lastTakenMs - takenAtMs)
    const channel = channels[i] as string
    const own = { channel, value: wire.raw(value, i), unit: '', timeBase, timeMs }
    readings.push(layout.options.codec === 'influx' ? { ...own, series: { measurement: channel, tags: [] } } : own)
  }
  const quantities = layout.quantities.map((_, i) => i)
  if (layout.isSingle) for (const sample of samples) add(sample, stream)
  // A name is said once for all of its values.
  else if (layout.options.codec.startsWith('senml')) for (const i of quantities) for (const it of samples) add(it, i)
  else for (const it of samples) for (const i of quantities) add(it, i)
  return readings
}

const floorTo = (resolutionMs: number, timeMs: number) => Math.floor(timeMs / resolutionMs) * resolutionMs

function timeOfLast({ resolutionMs, clock }: Layout, waiting: WaitingReport, { nowMs }: Now): number {
  switch (waiting.timeBase) {
    case 'none':
      return 0
    case 'unix':
      return floorTo(resolutionMs, waiting.clockMs)
    case 'boot':
      return floorTo(resolutionMs, waiting.uptimeMs)
    case 'now': {
      // Packed has no other way to say nothing.
      if (clock === 'none') return 0
      const lastTakenMs = (waiting.samples.at(-1) as TruthSample).takenAtMs
      return 0 - floorTo(resolutionMs, nowMs - lastTakenMs)
    }
  }
}

/** Null: the clock was set, or the device started, between sample and sending, so the two times cannot be compared. */
function sentMs({ timeBase, resolutionMs }: Layout, waiting: WaitingReport, now: Now): number | null {
  if (timeBase === 'boot') return waiting.boot === now.boot ? floorTo(resolutionMs, now.uptimeMs) : null
  return waiting.setting === now.clock.setting ? floorTo(resolutionMs, now.clock.unixMs(now.nowMs)) : null
}

/** What a report that is made now counts its times from. */
export const timeBaseOf = (layout: Layout, own: OwnClock): TimeBase =>
  layout.clock !== 'rtc' || own.isSet ? layout.timeBase : layout.unsetTimeBase

/** What a store can know of the time of a sample that was just taken. */
export function knowledgeOf(layout: Layout, own: OwnClock, takenAtMs: number): TimeKnowledge {
  const { resolutionMs, clock } = layout
  const timeBase = timeBaseOf(layout, own)
  if (timeBase === 'none' || clock === 'none') return { how: 'arrival', resolutionMs: 0 }
  if (timeBase === 'now') return { how: 'age', resolutionMs }
  if (timeBase !== 'unix' || clock !== 'rtc' || !own.isSet) return { how: 'reckoned', resolutionMs }
  const offMs = Math.abs(own.unixMs(takenAtMs) - takenAtMs)
  return offMs < resolutionMs ? { how: 'exact', resolutionMs } : { how: 'reckoned', resolutionMs: resolutionMs + offMs }
}
