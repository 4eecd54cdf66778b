/** What one try carries to a receiver, and how it ended: the words between the lane of a notifier and its sender. */
import type { Alert, Notification } from '../../telemetry/alert.ts'

/** A notification that waits, or is told. */
export type Told = {
  notification: Notification
  /** Its alert fired and was over before anybody was told: this tells both. */
  isWhole: boolean
}

export type Parcel = {
  /** One, or those of a digest, oldest first. */
  told: Told[]
  /** Notifications lost before this parcel, since too many waited, or for too long. */
  dropped: number
  /** Why it is a digest: the receiver could not be reached, or more came than it may be sent. */
  reason: 'unreachable' | 'many'
}

export type Outcome =
  | { ok: true; detail: string }
  | {
      ok: false
      /** Without secrets: it is logged and shown. */
      detail: string
      /** rejected: never tried again. */
      isFinal: boolean
      retryAfterMs: number | null
    }

/** One kind of receiver. */
export type Sender = {
  /** false: each notification must arrive by itself, and at once, as over our own broker. */
  takesDigests: boolean
  /** Ends within limits.notifierTryMsMax, and never throws. */
  deliver(parcel: Parcel): Promise<Outcome>
  close(): Promise<void>
}

export const sent: Outcome = { ok: true, detail: 'sent' }

export const failed = (detail: string, retryAfterMs: number | null = null): Outcome => ({
  ok: false,
  detail,
  isFinal: false,
  retryAfterMs,
})

export const rejected = (detail: string): Outcome => ({ ok: false, detail, isFinal: true, retryAfterMs: null })

/** The same for the same notification, also when the journal is read a second time. */
export const keyOf = ({ kind, alert, atMs }: Notification): string => `${alert.id} ${kind} ${atMs}`

/** Where the subject stands in a text. */
export function subjectOf({ subject }: Alert): { site: string; device: string } {
  if (subject.kind === 'device') return { site: subject.site, device: subject.device }
  return { site: subject.factor === 'site' ? subject.name : '', device: '' }
}

/** The outcome of a try, or that it took too long; what comes of it after that is not looked at. */
export async function within(ms: number, trying: Promise<Outcome>): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => resolve(failed(`no answer within ${ms / 1000} s`)), ms)
  })
  return Promise.race([trying, tooLong]).finally(() => clearTimeout(timer))
}
