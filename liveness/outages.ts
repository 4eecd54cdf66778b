/**
 * When we took nothing: from the last record in the journal to our next start. When little comes this is longer than we were away,
 * since nobody tells whether something would have come: it is ours then.
 */
import { limits } from '../telemetry/limits.ts'
import { MessageKind, type Record } from '../telemetry/message.ts'

/** Milliseconds since 1970. */
export type Outage = { fromMs: number; toMs: number }

export type Outages = {
  take(record: Pick<Record, 'kind' | 'receivedAtUs'>): void
  /** In order of time, the latest. */
  all(): readonly Outage[]
  save(): SavedOutages
}

/** `lastMs`: when the latest record was received; 0: there was none. */
export type SavedOutages = { spans: readonly Outage[]; lastMs: number }

export function createOutages(saved: SavedOutages): Outages {
  const outages = [...saved.spans]
  let atMs = saved.lastMs
  return {
    take({ kind, receivedAtUs }) {
      const nowMs = Math.floor(receivedAtUs / 1000)
      if (kind === MessageKind.start && atMs > 0) {
        outages.push({ fromMs: atMs, toMs: nowMs })
        if (outages.length > limits.outagesRemembered) outages.shift()
      }
      atMs = nowMs
    },
    all: () => outages,
    save: () => ({ spans: outages, lastMs: atMs }),
  }
}
