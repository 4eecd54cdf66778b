/** What is known about the time in which reports are missing: states of the device in the store, our outages, its quarantined messages. */
import type { DeviceState } from '../telemetry/device.ts'
import { limits } from '../telemetry/limits.ts'
import type { ReadingStore } from '../telemetry/query.ts'
import { channelOf, stateMeasurement, stateNameField } from '../telemetry/schema.ts'
import type { Evidence, Span, StateSpan } from './faults.ts'
import { ParameterError } from './parameters.ts'

/** Without a site: the device of that name at any site. */
export type FaultSources = {
  /** When we took nothing, in order of time. */
  outages: () => readonly Span[]
  /** When messages of the device came that stand in the quarantine, in any order. */
  rejectedAtMs: (device: string, site: string | undefined) => number[]
  /** How often the device promised to report; null: nobody knows. */
  everyMsOf: (device: string, site: string | undefined) => number | null
}

type Question = { device: string; site?: string; fromMs: number; toMs: number; nowMs: number; isNumbered: boolean }

export async function gatherEvidence(store: ReadingStore, sources: FaultSources, asked: Question): Promise<Evidence> {
  const { device, site, isNumbered } = asked
  return {
    states: await statesOf(store, asked),
    outages: [...sources.outages()],
    rejectedAtMs: sources.rejectedAtMs(device, site).toSorted((a, b) => a - b),
    isNumbered,
  }
}

async function statesOf(store: ReadingStore, { device, site, fromMs, toMs, nowMs }: Question): Promise<StateSpan[]> {
  const channel = { device, ...(site !== undefined && { site }), channel: channelOf(stateMeasurement, stateNameField) }
  // A state lasts until the next: the one that stood when the range began was written before it.
  const before = await store.readings({ ...channel, fromMs: 0, toMs: fromMs }, 1, 'last')
  const within = await store.readings({ ...channel, fromMs: fromMs + 1, toMs }, limits.readingRowsMax + 1)
  if (within.length > limits.readingRowsMax) throw new ParameterError('the range is too long: ask for a shorter one')
  const changes = [...before.map(({ value }) => ({ value, timeMs: fromMs })), ...within]
  return changes.map(({ timeMs, value }, i) => ({
    fromMs: timeMs,
    toMs: changes[i + 1]?.timeMs ?? Math.max(nowMs, timeMs),
    state: value as DeviceState,
  }))
}
