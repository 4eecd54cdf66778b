/** What the oracle found, and how a person reads it. */
import type { DeviceName } from '../../telemetry/device.ts'
import type { TruthProblem } from '../truth/reader.ts'
import type { TruthHead } from '../truth/truth.ts'
import type { AlertSummary } from './alerts.ts'
import { type Delays, quantile, type Stretches } from './delays.ts'
import type { Fates } from './device-truth.ts'
import { type Fault, type FaultKind, faultKinds } from './faults.ts'

/** Plain JSON. Times: milliseconds since 1970. */
export type Result = {
  head: TruthHead
  /** False: the simulator was killed, or still runs. */
  hasEnded: boolean
  endMs: number
  devices: number
  reports: number
  /** All that were measured, and what became of them by the truth. */
  readings: number
  fates: Fates
  /** Rows of these devices in the store; of them from before the run, which are left aside. */
  rows: number
  olderRows: number
  /** Reports; found null: nobody asked. */
  quarantine: { expected: number; found: number | null }
  /** Null: not checked. */
  alerts: AlertSummary | null
  faults: { [kind in FaultKind]: number }
  /** A few of each kind. */
  examples: Fault[]
  worstDevices: Array<DeviceName & { faults: number }>
  /** From the measurement to its acknowledgement. */
  profiles: Array<{ profile: string; delays: Delays }>
  stretches: Stretches
  problems: TruthProblem[]
}

export const isRight = ({ faults }: Result): boolean => Object.values(faults).every((count) => count === 0)

export const isoTime = (timeMs: number): string => new Date(timeMs).toISOString()

export const foundKinds = ({ faults }: Result): Array<[FaultKind, number]> =>
  (Object.entries(faults) as Array<[FaultKind, number]>).filter(([, count]) => count > 0)

/** `0.4 s`, `12 min`. */
export function duration(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const
  const [unit, width] = units.find(([, width]) => ms >= width) ?? ['ms', 1]
  return `${Number((ms / width).toPrecision(2))} ${unit}`
}

const columns = (rows: string[][]): string => {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  return rows
    .map(
      (row) =>
        `  ${row
          .map((cell, i) => cell.padEnd(widths[i] as number))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

export function toText(result: Result): string {
  const { head, fates, quarantine, alerts, examples, profiles, problems } = result
  const found = foundKinds(result)
  const lines = [
    `${head.scenario}, seed ${head.seed}, ${isoTime(head.startedAtMs)} to ${isoTime(result.endMs)}, ${head.clock} time\n`,
    columns([
      ['devices', `${result.devices}`],
      ['reports', `${result.reports}`],
      ['readings', `${result.readings}`],
      ['  acknowledged', `${fates.acknowledged}`],
      ['  dropped, or sent with QoS 0', `${fates.dropped}`],
      ['  not acknowledged yet', `${fates.open}`],
      ['  fit for the quarantine only', `${fates.quarantined}`],
      ['rows in the store', `${result.rows}`],
      ['messages in the quarantine', `${quarantine.found ?? 'not asked'} (${quarantine.expected} expected)`],
      ...(alerts === null ? [] : [['alerts', `${alerts.heard} for ${alerts.troubles} troubles`]]),
    ]),
  ]
  if (result.olderRows > 0) lines.push(`${result.olderRows} rows are older than the run and were left aside\n`)
  if (!result.hasEnded) lines.push('the truth has no end: the run was killed, or goes on\n')
  for (const { line, problem, isTorn } of problems) {
    lines.push(`line ${line} of the truth${isTorn ? ', the last one, is torn' : ''}: ${problem}\n`)
  }
  if (profiles.length > 0) {
    lines.push('from measurement to acknowledgement:\n')
    const parts = [0.5, 0.99, 1]
    const rows = profiles.map(({ profile, delays }) => [profile, ...parts.map((it) => duration(quantile(delays, it)))])
    lines.push(columns([['profile', 'half', '99 %', 'all'], ...rows]))
  }
  for (const [kind, count] of found) {
    lines.push(`${kind}: ${count} (${faultKinds[kind]})\n`)
    const its = examples.filter((it) => it.kind === kind)
    lines.push(
      columns(
        its.map(({ site, device, channel, timeMs, given, wanted }) => [
          isoTime(timeMs),
          site === '' ? device : `${site}/${device}`,
          channel ?? '',
          `${given}; wanted: ${wanted}`,
        ]),
      ),
    )
  }
  lines.push(found.length === 0 ? 'all right: nothing lost, doubled, invented or altered\n' : 'not all right\n')
  return lines.join('')
}
