/**
 * Only so many topic filters are taken in one turn of the event loop, over all connections, so that a flood of them delays
 * nobody's PUBACK. Packets wait in the order in which they came; a connection has one of them at most, since what is
 * behind a SUBSCRIBE waits for it.
 */
import { limits } from '../../telemetry/limits.ts'

/** Calls `take` now or in a later turn. */
export type FilterTurns = (filters: number, take: () => void) => void

export function createFilterTurns(): FilterTurns {
  const waiting: Array<{ filters: number; take: () => void }> = []
  let left: number = limits.filtersPerTurn

  function charge(filters: number): void {
    if (left === limits.filtersPerTurn) setImmediate(turn)
    left -= filters
  }
  function turn(): void {
    left = limits.filtersPerTurn
    while (left > 0) {
      const next = waiting.shift()
      if (next === undefined) return
      charge(next.filters)
      next.take()
    }
  }
  return (filters, take) => {
    if (left <= 0 || waiting.length > 0) return void waiting.push({ filters, take })
    charge(filters)
    take()
  }
}
