/** What the console asks of alerts and notifiers; the pieces of liveness have this shape. Times: milliseconds since 1970. */
import type { Alert, AlertFilter, AuditEntry, Maintenance, NotifierConfig } from '../telemetry/alert.ts'

type Soon<T> = T | Promise<T>

export type Alerting = {
  alerts: {
    /** Firing before pending before resolved, then the gravest, then the newest. */
    list(filter?: AlertFilter): Alert[]
    /** Null: no such alert stands. */
    acknowledge(id: string, by: string, note: string): Soon<Alert | null>
    mute(id: string, by: string, untilMs: number): Soon<Alert | null>
    unmute(id: string, by: string): Soon<Alert | null>
    maintenance: {
      /** Null: there are too many. */
      add(window: Omit<Maintenance, 'id'>): Soon<Maintenance | null>
      /** Null: no such window, or one of the configuration. */
      end(id: string, by: string): Soon<Maintenance | null>
      list(): Maintenance[]
    }
    /** Newest first. */
    audit(): AuditEntry[]
  }
  notifiers: {
    status(): Array<{
      name: string
      type: NotifierConfig['type']
      queued: number
      sent: number
      failed: number
      dropped: number
      lastError: string | null
    }>
    test(name: string): Promise<{ ok: boolean; detail: string }>
    actionLinks: {
      verify(
        token: string,
        nowMs: number,
      ): { alert: string; action: 'acknowledge' | 'mute'; by: string } | { code: string; detail: string }
    }
    vapidPublicKey: string
    subscribePush(subscription: unknown): Promise<{ code: string; detail: string } | null>
    /** Whether there was one. */
    removePush(endpoint: string): Promise<boolean>
  }
}

/** Null until the journal was read so far that alerts are known. */
export type AlertingDoor = { alerting: () => Alerting | null }
