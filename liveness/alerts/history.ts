/** What is over and who did what, the newest of each: the store has the rest. */
import type { Alert, AuditEntry } from '../../telemetry/alert.ts'
import { type Counters, count } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'

export type SavedHistory = { resolved: Alert[]; audit: AuditEntry[] }

export type History = {
  resolved(alert: Alert): void
  did(entry: AuditEntry): void
  /** Newest first. */
  alerts(): Alert[]
  audit(): AuditEntry[]
  save(): SavedHistory
}

export function createHistory(saved: SavedHistory | null, counters: Pick<Counters, 'alerts'>): History {
  const resolved = new Map((saved?.resolved ?? []).map((alert) => [alert.id, alert]))
  const audit = saved?.audit ?? []
  return {
    resolved(alert) {
      resolved.delete(alert.id)
      resolved.set(alert.id, alert)
      if (resolved.size <= limits.alertsResolvedMax) return
      resolved.delete(resolved.keys().next().value as string)
      count(counters.alerts, 'forgotten')
    },
    did(entry) {
      audit.push(entry)
      if (audit.length <= limits.auditEntriesMax) return
      audit.shift()
      count(counters.alerts, 'auditForgotten')
    },
    alerts: () => [...resolved.values()].reverse(),
    audit: () => audit.toReversed(),
    save: () => ({ resolved: [...resolved.values()], audit: [...audit] }),
  }
}
