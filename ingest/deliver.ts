/** Step: a batch to the store, as often as it takes. The journal holds whatever is behind it. */
import { AssertionError } from 'node:assert'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Counters, count } from '../telemetry/counters.ts'
import { UnavailableError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import type { Checkpoint, Point, Rejection } from '../telemetry/point.ts'
import { quarantineId } from '../telemetry/quarantine.ts'
import { platformMeasurements } from '../telemetry/schema.ts'
import type { Batch, Quarantined, Taken } from './batch.ts'
import type { Quarantine } from './quarantine.ts'

/**
 * What ingest asks of a store. Writing the same points again changes nothing. Both throw UnavailableError when the store
 * cannot answer; the whole batch is then tried again.
 */
export type PointStore = {
  /** Answers the points that will never be taken; all others are kept, at the latest by the next commit(). */
  write(points: Point[]): Promise<Rejection[]>
  /** Everything before the checkpoint is in the store for good. */
  commit(checkpoint: Checkpoint): Promise<void>
  /** The last commit; null for a store that is new. */
  checkpoint(): Promise<Checkpoint | null>
}

export type StoreState = { isAvailable: boolean; detail: string }

export type Deliverer = {
  /** Returns the new checkpoint; null when it gave up since we are closing: this batch and all behind it stay in the journal. */
  deliver(batch: Batch, from: Checkpoint): Promise<Checkpoint | null>
  state(): StoreState
  /** We are closing: a store that does not answer is not waited for. */
  finish(): void
}

export function createDeliverer(store: PointStore, quarantine: Quarantine, counters: Counters, log: Logger): Deliverer {
  let state: StoreState = { isAvailable: true, detail: '' }
  const closing = new AbortController()
  let hasGivenUp = false

  async function attempt(batch: Batch, from: Checkpoint): Promise<Checkpoint> {
    const rejections = await store.write(batch.points)
    const { taken, refused } = sort(batch, rejections)
    const quarantined = [...batch.quarantined, ...refused]
    tellPlatform(rejections)
    const isNew = ({ decidedAt }: Quarantined) => decidedAt === undefined
    await quarantine.keep(quarantined)
    const resolved = [...taken, ...batch.copies]
      .filter(({ replayedAt }) => replayedAt !== null)
      .map(({ record, replayedAt }) => ({ id: quarantineId(record), by: replayedAt as number }))
    await quarantine.resolve(resolved)
    const checkpoint: Checkpoint = {
      position: batch.position,
      ordinal: batch.ordinal,
      stored: from.stored + taken.length,
      quarantined: from.quarantined + quarantined.filter(isNew).length - resolved.length,
      duplicate: from.duplicate + batch.duplicates,
      damaged: from.damaged + batch.damaged,
    }
    await store.commit(checkpoint)
    for (const { code } of quarantined) count(counters.quarantined, code)
    counters.pointsStored += batch.points.length - rejections.length
    counters.batchesStored++
    return checkpoint
  }

  /** Points of the platform itself (ledger, states of devices) belong to no message that could be quarantined. */
  function tellPlatform(rejections: Rejection[]): void {
    const own = rejections.filter(({ point }) => platformMeasurements.includes(point.series.measurement))
    const [first] = own
    if (first === undefined) return
    counters.platformPointsRejected += own.length
    const { measurement } = first.point.series
    log.error({ points: own.length, measurement, reason: first.reason }, "the store refused the platform's own points")
  }

  async function deliver(batch: Batch, from: Checkpoint): Promise<Checkpoint | null> {
    // A later batch must not overtake one that was given up: the checkpoint would say that both are stored.
    if (hasGivenUp) return null
    for (let tries = 0; ; tries++) {
      try {
        const checkpoint = await attempt(batch, from)
        if (!state.isAvailable) log.info({ points: batch.points.length }, 'store is back')
        state = { isAvailable: true, detail: '' }
        return checkpoint
      } catch (error) {
        hasGivenUp = closing.signal.aborted || error instanceof AssertionError
        if (error instanceof AssertionError) throw error
        if (hasGivenUp) return null
        const waitMs = backoffMs(tries, error)
        if (state.isAvailable) log.warn({ err: error, waitMs }, 'store is unavailable: the journal holds')
        state = { isAvailable: false, detail: (error as Error).message }
        counters.storeRetries++
        await sleep(waitMs, undefined, { signal: closing.signal }).catch(() => {})
      }
    }
  }

  return { deliver, state: () => state, finish: () => closing.abort() }
}

/** Messages with a point that the store refused go to the quarantine; their other points stay stored. */
function sort(batch: Batch, rejections: Rejection[]): { taken: Taken[]; refused: Quarantined[] } {
  if (rejections.length === 0) return { taken: batch.taken, refused: [] }
  const reasons = new Map(rejections.map(({ point, reason }) => [point.position, reason]))
  const { configVersion } = batch
  const refused = batch.taken.flatMap(({ record, replayedAt }): Quarantined[] => {
    const reason = reasons.get(record.position)
    if (reason === undefined) return []
    const again = replayedAt === null ? {} : { decidedAt: replayedAt }
    return [{ record, code: 'store_rejected', reason, configVersion, ...again }]
  })
  return { taken: batch.taken.filter(({ record }) => !reasons.has(record.position)), refused }
}

/** Doubles from try to try; half of it is left to chance, so that many writers do not return at once. */
function backoffMs(tries: number, error: unknown): number {
  const retryAfterMs = error instanceof UnavailableError ? (error.retryAfterMs ?? 0) : 0
  const asked = Math.min(retryAfterMs, limits.storeRetryAfterMsMax)
  const grown = Math.min(limits.storeBackoffMsMax, limits.storeBackoffMsMin * 2 ** tries)
  return Math.max(asked, grown / 2 + (Math.random() * grown) / 2)
}
