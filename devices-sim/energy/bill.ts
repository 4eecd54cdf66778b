/** What a device-day costs in bytes and energy, by cause, and how long the cell lasts at that. */
import { type Cell, selfDischargeMilliWatts, usableMilliJoules } from './cells.ts'
import type { Share, Shares } from './costs.ts'
import { causes } from './meter.ts'

export type Bill = {
  /**
   * Of one day. handshake: waking the radio, attach, TCP, TLS, CONNECT and DISCONNECT; header: of MQTT, TCP, IP and TLS; keepalive:
   * pings with all that they wake; tail: the radio stays on after its work.
   */
  perDay: Shares
  bytesPerDay: number
  milliJoulesPerDay: number
  /** null: for ever, on mains. */
  daysOfLife: number | null
  /** What ends it. */
  limit: 'energy' | 'shelf' | 'none'
}

const dayS = 86_400

export const noShares = (): Shares =>
  Object.fromEntries(causes.map((cause) => [cause, { bytes: 0, milliJoules: 0 }])) as Shares

/**
 * @param total of `days` days
 * @param charge part of the cell's usable energy that it begins with
 * @param sunMilliJoulesPerDay what comes in
 */
export function makeBill(total: Shares, days: number, cell: Cell | null, charge = 1, sunMilliJoulesPerDay = 0): Bill {
  const perDay = noShares()
  const sum: Share = { bytes: 0, milliJoules: 0 }
  for (const cause of causes) {
    const [share, all] = [perDay[cause], total[cause]]
    share.bytes = all.bytes / days
    share.milliJoules = all.milliJoules / days
    sum.bytes += share.bytes
    sum.milliJoules += share.milliJoules
  }
  return {
    perDay,
    bytesPerDay: sum.bytes,
    milliJoulesPerDay: sum.milliJoules,
    ...lifeOf(cell, charge, sum.milliJoules - sunMilliJoulesPerDay),
  }
}

function lifeOf(cell: Cell | null, charge: number, milliJoulesPerDay: number): Pick<Bill, 'daysOfLife' | 'limit'> {
  if (cell === null) return { daysOfLife: null, limit: 'none' }
  const shelfDays = cell.shelfYears * 365
  const lossPerDay = milliJoulesPerDay + selfDischargeMilliWatts(cell) * dayS
  const days = lossPerDay <= 0 ? Infinity : (charge * usableMilliJoules(cell)) / lossPerDay
  return days < shelfDays ? { daysOfLife: days, limit: 'energy' } : { daysOfLife: shelfDays, limit: 'shelf' }
}

/** Without the shelf: what published figures of models say. */
export const energyDays = (bill: Bill, cell: Cell): number =>
  usableMilliJoules(cell) / (bill.milliJoulesPerDay + selfDischargeMilliWatts(cell) * dayS)
