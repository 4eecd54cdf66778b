/**
 * What a store does not know of the completeness ledger yet: rows that a device still fills, and those that were closed
 * and are on their way. `version` changes whenever rows come to the store, and is null while nobody can say whether they are
 * there: two equal ones around a look into the store mean that nothing was missed and nothing seen twice.
 */
import type { Batch } from './batch.ts'
import { type LedgerRow, openRowsOf } from './ledger.ts'
import type { KnownDevice } from './state.ts'

/** `isNumbered`: the device's reports carry sequences, so that the ledger knows what is missing. */
export type OpenRows = { rows: LedgerRow[]; version: number | null; isNumbered: boolean }

export type RowsUnderWay = {
  /** The device's rows become points of the batch. */
  closing(batch: Batch, device: KnownDevice): void
  /** Before the store hears of it. */
  delivering(batch: Batch): void
  /** The store has it. */
  delivered(batch: Batch): void
  open(devices: Iterable<KnownDevice>, isAsked: (device: KnownDevice) => boolean): OpenRows
}

export function createRowsUnderWay(): RowsUnderWay {
  const closed = new Map<Batch, Map<KnownDevice, LedgerRow[]>>()
  let deliveries = 0
  let underDelivery: Batch | null = null
  return {
    closing(batch, device) {
      const rows = closed.get(batch) ?? new Map()
      closed.set(batch, rows.set(device, openRowsOf(device)))
    },
    delivering(batch) {
      if (closed.has(batch)) underDelivery = batch
    },
    delivered(batch) {
      if (!closed.delete(batch)) return
      underDelivery = null
      deliveries++
    },
    open(devices, isAsked) {
      const asked = [...devices].filter(isAsked)
      const rows = asked.flatMap((device) => [
        ...openRowsOf(device),
        ...[...closed.values()].flatMap((batch) => batch.get(device) ?? []),
      ])
      const isNumbered = asked.some(({ counts }) => counts.size > 0)
      return { rows, version: underDelivery === null ? deliveries : null, isNumbered }
    },
  }
}
