/**
 * When a device is expected to report. It says so itself (or its route does), or a rhythm was learned: that is a contract, and who breaks
 * it is late, then lost. Of a device without a rhythm only the longest silence is known: it can be late, but not lost.
 */
import { isSourceClient } from '../../telemetry/client.ts'
import { limits } from '../../telemetry/limits.ts'
import { learn } from './interval.ts'
import type { KnownDevice } from './known-device.ts'

export type Contract = {
  by: 'declared' | 'rhythm' | 'habit'
  /** From when the next report is waited for, lived time: the last report, or a connection since. */
  fromAt: number
  intervalMs: number
  dueAt: number
  lateAt: number
  /** Infinity: it is never called lost. */
  lostAt: number
}

/** Null: nobody knows when it reports again. */
export function contractOf(device: KnownDevice): Contract | null {
  const { reportedAt, nextMs, epoch, boundAt } = device
  if (reportedAt === null) return null
  const fromAt = epoch === 0 ? reportedAt : Math.max(reportedAt, boundAt)
  if (nextMs !== null) return kept('declared', fromAt, nextMs)
  const learned = learn(device.gaps)
  if (learned === null) return null
  if (learned.isRegular) return kept('rhythm', fromAt, learned.intervalMs)
  // A held connection proves that it lives, and a dry month is no silence of a rain gauge.
  if (isHeld(device)) return null
  const intervalMs = 2 * learned.longestMs
  return { ...kept('habit', fromAt, intervalMs), lostAt: Number.POSITIVE_INFINITY }
}

function kept(by: Contract['by'], fromAt: number, intervalMs: number): Contract {
  const marginMs = Math.max(Math.round(limits.lateShare * intervalMs), limits.lateMsMin)
  const dueAt = fromAt + intervalMs
  return {
    by,
    fromAt,
    intervalMs,
    dueAt,
    lateAt: dueAt + marginMs,
    lostAt: fromAt + limits.reportsMissedMax * intervalMs + marginMs,
  }
}

/** A connection of its own, or of its gateway, speaks for it; the link of a source says nothing. */
const isHeld = ({ epoch, client }: KnownDevice): boolean => epoch > 0 && !isSourceClient(client)

/** Infinity: nothing happens to it by time alone. `contract`: its own. */
export function nextEventAt({ state, isAlerting, awaitedAt }: KnownDevice, contract: Contract | null): number {
  const backAt = awaitedAt ?? Number.POSITIVE_INFINITY
  if (contract === null) return backAt
  if (state === 'online' || state === 'asleep') return Math.min(backAt, contract.lateAt)
  if (state === 'late' || (state === 'offline' && isAlerting)) return Math.min(backAt, contract.lostAt)
  return backAt
}

/**
 * It comes, reports and breaks off, again and again, since its firmware knows no DISCONNECT: its connection is none to be
 * missed. See docs/decisions/0015-states-by-contract.md.
 */
export function isVisit({ reportedAt, boundAt }: KnownDevice, contract: Contract, nowAt: number): boolean {
  if (contract.by === 'habit' || contract.intervalMs < limits.visitIntervalMsMin) return false
  return reportedAt !== null && reportedAt >= boundAt && nowAt - boundAt <= limits.visitMsMax
}
