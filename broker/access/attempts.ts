/** Who gave wrong passwords: the first few are free, then each costs a wait twice as long as the one before. */
import { limits } from '../../telemetry/limits.ts'

type Record = { failures: number; untilMs: number }

export type AttemptsOptions = { free: number; waitMsMax: number; nowMs: () => number }

export type Attempts = {
  /** How long this one is not listened to; 0: it may try. */
  waitMs(who: string): number
  failed(who: string): void
  forgive(who: string): void
  size(): number
}

const firstWaitMs = 1_000
/** Whoever was quiet for so long behind a wait begins anew. */
const forgetMs = 10 * 60_000

/** Bounded: the one that failed longest ago is forgotten first. */
export function createAttempts({ free, waitMsMax, nowMs }: AttemptsOptions): Attempts {
  const records = new Map<string, Record>()
  return {
    waitMs: (who) => Math.max(0, (records.get(who)?.untilMs ?? 0) - nowMs()),
    failed(who) {
      const now = nowMs()
      const before = records.get(who)
      const failures = before === undefined || now > before.untilMs + forgetMs ? 1 : before.failures + 1
      const waitMs = failures <= free ? 0 : Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(30, failures - free - 1))
      records.delete(who)
      records.set(who, { failures, untilMs: now + waitMs })
      if (records.size <= limits.attemptsRememberedMax) return
      const [oldest] = records.keys()
      if (oldest !== undefined) records.delete(oldest)
    },
    forgive: (who) => {
      records.delete(who)
    },
    size: () => records.size,
  }
}
