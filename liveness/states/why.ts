/** Why a device is in its state, in a line for people. Times are UTC: whoever reads it may be anywhere. */
import type { DisconnectReason } from '../../telemetry/message.ts'
import type { Contract } from './contract.ts'
import { type Fact, factOf } from './facts.ts'
import type { KnownDevice } from './known-device.ts'

export const whyOffline: { [reason in DisconnectReason]: string } = {
  client: 'disconnected by itself',
  closed: 'connection broke without a DISCONNECT',
  keepalive: 'nothing heard for one and a half keep-alive intervals',
  replaced: 'its connection was replaced by one that does not speak for it',
  worker: 'did not come back after Dewpoint restarted',
}

/** Offline, with what was last known of it. */
export const withFacts = (why: string, facts: readonly Fact[]): string => why + factsText(facts)

/** Late or lost. `toMs`: lived time to milliseconds since 1970. */
export function whySilent(
  { by, fromAt, intervalMs }: Contract,
  nowAt: number,
  { reportedMs, facts }: KnownDevice,
  toMs: (lived: number) => number,
): string {
  const since = `no report since ${moment(reportedMs, toMs(nowAt))}`
  const missed = Math.max(1, Math.floor((nowAt - fromAt) / intervalMs))
  const expected =
    by === 'habit'
      ? `never silent for longer than ${spoken(intervalMs / 2)} before`
      : `${by === 'rhythm' ? 'usually' : 'expected'} every ${spoken(intervalMs)}, ${missed} missed`
  return `${since}, ${expected}${factsText(facts)}`
}

export const whyAsleep = ({ by, intervalMs }: Contract, left: string): string =>
  `${left}, reports ${by === 'rhythm' ? 'usually' : 'as declared'} every ${spoken(intervalMs)}`

function factsText(facts: readonly Fact[]): string {
  const rssi = factOf(facts, 'rssi')
  const battery = factOf(facts, 'battery')
  const said = [
    ...(rssi === undefined ? [] : [`RSSI ${withUnit(rssi, 'dBm')}`]),
    ...(battery === undefined ? [] : [`battery ${withUnit(battery, '')}`]),
  ]
  return said.length === 0 ? '' : `; last ${said.join(', ')}`
}

const withUnit = ({ value, unit }: Fact, usual: string): string => `${value} ${unit === '' ? usual : unit}`.trimEnd()

/** `14:02 UTC`, with the date when it is not of the last twelve hours. */
function moment(ms: number, nowMs: number): string {
  const [date, time = ''] = new Date(ms).toISOString().split('T')
  const text = `${time.slice(0, 5)} UTC`
  return nowMs - ms < 12 * 3_600_000 ? text : `${date} ${text}`
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const

/** `10 min`, `1 h 30 min`: the two largest units. */
export function spoken(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000))
  const at = units.findIndex(([, size]) => seconds >= size)
  const [unit, size] = units[at] as (typeof units)[number]
  const [nextUnit, nextSize] = units[at + 1] ?? [unit, size]
  const rest = Math.floor((seconds % size) / nextSize)
  return `${Math.floor(seconds / size)} ${unit}${rest > 0 ? ` ${rest} ${nextUnit}` : ''}`
}
