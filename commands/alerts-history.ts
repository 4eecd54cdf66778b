/** What a Dewpoint stored, as alert rules ask for it: lines of an export (telemetry/export/text.ts) to events in order of time. */
import type { HistoryEvent } from '../liveness/alerts/backtest.ts'
import type { AlertRule } from '../telemetry/alert.ts'
import { type DeviceName, type DeviceState, deviceKey, deviceStates } from '../telemetry/device.ts'
import type { Value } from '../telemetry/reading.ts'
import { channelOf, isChannel, ledgerMeasurement, stateField, stateMeasurement } from '../telemetry/schema.ts'
import { CommandError } from './ask-server.ts'

type Row = DeviceName & { time: string; measurement: string; field: string; value: Value }

/** More would not fit into the memory of a small machine. */
const eventsMax = 5_000_000
const hourMs = 3_600_000
/** Beside `online` of device_state, where it was written: the state by its name. */
const stateNameField = 'state'

/** @throws CommandError when there is too much, or something that is no line of an export. */
export async function readHistory(
  body: AsyncIterable<Uint8Array>,
  rules: readonly AlertRule[],
): Promise<HistoryEvent[]> {
  const wanted = wantedBy(rules)
  const events: HistoryEvent[] = []
  const named = new Map<string, HistoryEvent[]>()
  const onlineOnly = new Map<string, HistoryEvent[]>()
  const ledger = new Map<string, { name: DeviceName; hourMs: number; expected: number; received: number }>()
  let count = 0

  function takeState(name: DeviceName, field: string, value: Value, atMs: number): void {
    const state = field === stateField ? (value === 1 ? 'online' : 'offline') : deviceStates.find((it) => it === value)
    if (state === undefined) return
    const all = field === stateField ? onlineOnly : named
    const its = all.get(deviceKey(name)) ?? []
    all.set(deviceKey(name), its)
    // The store does not say who left by its own wish.
    its.push({ kind: 'state', name, atMs, state: state as DeviceState, isAlerting: isDown(state as DeviceState) })
  }

  function take({ time, site, device, measurement, field, value }: Row): void {
    const atMs = Date.parse(time)
    const name = { site, device }
    if (measurement === stateMeasurement) {
      if (field === stateField || field === stateNameField) takeState(name, field, value, atMs)
    } else if (measurement === ledgerMeasurement) {
      if (!wanted.completeness || (field !== 'expected' && field !== 'received')) return
      const key = `${deviceKey(name)} ${atMs}`
      const hour = ledger.get(key) ?? { name, hourMs: atMs, expected: 0, received: 0 }
      hour[field] += Number(value)
      ledger.set(key, hour)
    } else {
      const channel = channelOf(measurement, field)
      if (!isChannel(measurement, field) || !wanted.channel(channel)) return
      events.push({ kind: 'value', name, atMs, value: { channel, unit: '', value, timeMs: atMs } })
    }
    if (++count > eventsMax)
      throw new CommandError(`more than ${eventsMax} readings count for these rules; a shorter --last helps`)
  }

  for await (const line of linesOf(body)) take(rowOf(line))
  for (const [key, its] of onlineOnly) if (!named.has(key)) named.set(key, its)
  for (const its of named.values()) for (const event of its) events.push(event)
  // What is known of an hour is whole when it is over.
  for (const { name, hourMs: beganMs, expected, received } of ledger.values())
    events.push({
      kind: 'completeness',
      name,
      atMs: beganMs + hourMs,
      hourMs: beganMs,
      reports: { expected, received },
    })
  return events.sort((a, b) => a.atMs - b.atMs)
}

const isDown = (state: DeviceState): boolean => state === 'offline' || state === 'lost'

function wantedBy(rules: readonly AlertRule[]): { completeness: boolean; channel: (channel: string) => boolean } {
  const conditions = rules.map(({ condition }) => condition)
  const channels = new Set(conditions.flatMap((it) => ('channel' in it ? [it.channel] : [])))
  return {
    completeness: conditions.some(({ kind }) => kind === 'completeness'),
    channel: (channel) => channels.has('') || channels.has(channel),
  }
}

function rowOf(line: string): Row {
  try {
    return JSON.parse(line) as Row
  } catch {
    throw new CommandError(`"${line.slice(0, 80)}" given, a line of an export wanted`)
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() as string
    yield* lines
  }
  if (rest !== '') throw new CommandError('the export ended within a line')
}
