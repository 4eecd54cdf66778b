/**
 * The way to one receiver: what is to be told waits here, also over a restart, until it is told. It is tried again with backoff and
 * jitter, sent no faster than allowed, and becomes a digest when there is much of it. Lanes know nothing of each other, so one that
 * is stuck holds back nothing else. A notification is told at least once: one whose answer was lost is told again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Notification } from '../../telemetry/alert.ts'
import { type Clock, steadyClock, systemClock } from '../../telemetry/clock.ts'
import { type Counters, count } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { createBudget } from './budget.ts'
import { keepJson, readJson } from './json-file.ts'
import { keyOf, type Outcome, type Parcel, rejected, type Sender, type Told } from './parcel.ts'
import { createQueue } from './queue.ts'

export type LaneStatus = {
  /** Notifications that wait. */
  queued: number
  /** Notifications told, and tries that failed, since the start. */
  sent: number
  failed: number
  /** Notifications that are never told, since the start: too many waited, for too long, or the receiver will not take them. */
  dropped: number
  lastError: string | null
}

export type Lane = {
  push(notification: Notification): void
  status(): LaneStatus
  /** Resolves when what was pushed so far is on disk, or was told; also when the disk takes nothing, which is logged. */
  kept(): Promise<void>
  /** Sends nothing more, waits a while for a try under way, and saves what waits: without an answer that is part of it. */
  close(): Promise<void>
}

export type LaneOptions = {
  name: string
  sender: Sender
  path: string
  perMinuteMax: number
  counters: Counters
  log: Logger
  clock?: Clock
  steady?: Clock
  random?: () => number
}

/** `told`: keys of what was told last, so that a replay of the journal does not tell it again. */
type Saved = { waiting: Told[]; told: string[]; dropped: number }

export async function openLane(options: LaneOptions): Promise<Lane> {
  const { name, sender, path, counters, log } = options
  const { clock = systemClock, steady = steadyClock, random = Math.random } = options
  const saved = await readJson<Saved>(path, { waiting: [], told: [], dropped: 0 }, log)
  const known = new Set([...saved.told, ...saved.waiting.map(({ notification }) => keyOf(notification))])
  /** Since the last parcel that arrived. */
  let dropped = saved.dropped
  const status = { sent: 0, failed: 0, dropped: 0, lastError: null as string | null }
  const queue = createQueue(
    saved.waiting,
    sender.takesDigests ? limits.notificationsWaitingMax : limits.standingAlertsMax,
    (drop) => {
      count(counters.notifications, drop)
      if (drop === 'merged') return
      dropped++
      status.dropped++
    },
  )
  const budget = createBudget(options.perMinuteMax, steady)
  /** What waits could not be told when it came, before a restart or since. */
  let isBehind = saved.waiting.length > 0
  /** Failures since the last success. */
  let failures = 0
  let notBeforeMs = 0
  let sending: Promise<void> | null = null
  let wakeUp: NodeJS.Timeout | null = null
  let isClosed = false

  const value = () => ({ waiting: queue.all(), told: [...known], dropped }) satisfies Saved
  const file = keepJson(path, value, log, name, 'what waits for a notifier could not be saved')
  function changed(): void {
    if (!isClosed) file.changed()
  }

  function next(): void {
    if (wakeUp !== null) clearTimeout(wakeUp)
    wakeUp = null
    if (isClosed || sending !== null) return
    queue.expire(clock.nowMs())
    if (queue.length() === 0) return
    const waitMs = Math.max(sender.takesDigests ? budget.waitMs() : 0, notBeforeMs - steady.nowMs())
    if (waitMs > 0) {
      wakeUp = setTimeout(next, waitMs)
      return
    }
    sending = send().finally(() => {
      sending = null
      next()
    })
  }

  async function send(): Promise<void> {
    const isDigest = sender.takesDigests && queue.length() > limits.notificationsSingleMax
    const told = queue.take(isDigest ? limits.digestNotificationsMax : 1)
    const parcel: Parcel = { told, dropped, reason: isBehind ? 'unreachable' : 'many' }
    budget.spend()
    settle(parcel, await deliver(parcel))
    changed()
  }

  /** A fault of our own must not come back with what is saved, start after start. */
  async function deliver(parcel: Parcel): Promise<Outcome> {
    try {
      return await sender.deliver(parcel)
    } catch (error) {
      log.error({ err: error, notifier: name }, 'notification could not be made')
      return rejected('the notification could not be made')
    }
  }

  function settle(parcel: Parcel, outcome: Outcome): void {
    if (outcome.ok || outcome.isFinal) {
      for (const _told of parcel.told) count(counters.notifications, outcome.ok ? 'sent' : 'rejected')
      queue.done()
      if (!outcome.ok) status.dropped += parcel.told.length
    }
    if (outcome.ok) {
      status.sent += parcel.told.length
      if (failures > 0) log.info({ notifier: name }, 'notifier is reached again')
      failures = 0
      isBehind = false
      dropped -= parcel.dropped
      return
    }
    status.failed++
    counters.notifierFailures++
    status.lastError = outcome.detail
    if (outcome.isFinal) {
      log.error({ notifier: name, detail: outcome.detail, count: parcel.told.length }, 'notification was rejected')
      return
    }
    queue.putBack()
    isBehind = true
    const grownMs = Math.min(limits.notifierBackoffMsMax, limits.notifierBackoffMsMin * 2 ** failures)
    const askedMs = Math.min(limits.notifierRetryAfterMsMax, outcome.retryAfterMs ?? 0)
    notBeforeMs = steady.nowMs() + Math.max(askedMs, grownMs * (0.5 + random() / 2))
    // Once for each outage; what fails after that is counted.
    if (failures++ === 0) log.warn({ notifier: name, detail: outcome.detail }, 'notifier cannot be reached')
  }

  next()
  return {
    push(notification) {
      const key = keyOf(notification)
      if (isClosed || known.has(key)) return
      known.add(key)
      for (const oldest of known) {
        if (known.size <= limits.notificationsToldMax + limits.notificationsWaitingMax) break
        known.delete(oldest)
      }
      queue.push(notification)
      changed()
      next()
    },
    kept: file.kept,
    status: () => ({ queued: queue.length(), ...status }),
    async close() {
      isClosed = true
      if (wakeUp !== null) clearTimeout(wakeUp)
      const waited = new AbortController()
      const awhile = sleep(limits.notifierCloseMsMax, undefined, { signal: waited.signal }).catch(() => {})
      await Promise.race([sending, awhile])
      waited.abort()
      await file.save()
    },
  }
}
