/**
 * The order of the parts: what a part tells to have grown by becomes an extent at the joint end, and the joint journal is
 * durable up to there once the extent is synced. A part tells of durable records only and waits for nothing here: what a
 * crash left untold is told at the next start.
 */
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { FatalError } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import type { JournalState } from '../journal.ts'
import type { JournalTail } from '../reader.ts'
import type { End } from '../segment.ts'
import { createTelling } from '../telling.ts'
import { isWaitable } from '../writer.ts'
import {
  advance,
  type Extent,
  endIn,
  endOf,
  extentBytes,
  markOf,
  marksOf,
  nextExtent,
  nothingReached,
  releasedMark,
} from './extent.ts'
import { type OrderFile, openOrderFile } from './order-file.ts'

export type OrderOptions = {
  path: string
  log: Logger
  retryMs?: number | undefined
  slackBytes?: number | undefined
  onFailed?: ((error: Error) => void) | undefined
}

export type Order = JournalTail & {
  /** The part is durable up to there: what is new of it comes next. What caused another call must be told before it. */
  grew(part: number, end: End): void
  /** Up to where it is told of a part. */
  endOf(part: number): End
  /** The joint end of what is told. */
  end(): End
  /** Positions go on behind the mark of the store, if that is beyond the end. */
  goOnBehind(startAt: { position: number; ordinal: number }): void
  /** The oldest extent that is needed begins here. */
  released(): { position: number; ordinal: number }
  /** Resolves to how far each part is not needed any more. */
  release(position: number): Promise<Map<number, End>>
  pages: Pick<OrderFile, 'page' | 'find'>
  /** Resolves when everything told so far is synced. */
  flush(): Promise<void>
  status(): JournalState
  /** On a full disk what was told last is left to the next start. */
  close(): Promise<void>
}

export async function openOrder(options: OrderOptions): Promise<Order> {
  const { path, log, retryMs = 250, slackBytes = limits.orderSlackBytes } = options
  const told = nothingReached()
  const file = await openOrderFile(path, told, log)
  let durable = told.end.position
  let waiting: Extent[] = []
  let flushing: Promise<void> | null = null
  let releasing: Promise<unknown> = Promise.resolve()
  let flushedAt = 0
  let status: JournalState = { state: 'ok', detail: '' }
  let closed = false
  /** Extents that are not needed any more, from which on it is worth the while to take them out. */
  let historyMin = slackBytes / extentBytes
  const telling = createTelling(() => durable)
  /** Extents up to here are not needed any more. */
  const passed = { reached: nothingReached(), next: file.first() }
  await pass(told.released.position)

  async function pass(position: number): Promise<void> {
    for (;;) {
      const { first, extents } = await file.page(passed.next)
      for (const extent of extents) {
        if (endOf(extent) > position) return
        advance(passed.reached, extent)
        passed.next = first + 1 + extents.indexOf(extent)
      }
      if (extents.length === 0) return
    }
  }

  function add(extent: Extent): void {
    advance(told, extent)
    waiting.push(extent)
    if (status.state !== 'failed') flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(flush)
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0 && status.state !== 'failed') {
      const restMs = flushedAt + limits.orderEveryMs - performance.now()
      if (restMs > 0 && !closed) await sleep(restMs)
      flushedAt = performance.now()
      const extents = waiting
      waiting = []
      const { position } = told.end
      if (!(await write(extents))) break
      durable = position
      telling.tell()
      await forget()
    }
    flushing = null
  }

  /** Takes what was released out of the file when that is most of it. */
  async function forget(): Promise<void> {
    const history = passed.next - file.first()
    if (history < historyMin || history < file.end() - passed.next) return
    const { position, ordinal } = passed.reached.end
    try {
      await file.replace(marksOf({ ...passed.reached, released: { position, ordinal } }), passed.next)
      historyMin = slackBytes / extentBytes
    } catch (error) {
      if (!isWaitable(error)) return fail(error as Error)
      // The file from before is whole.
      historyMin = 2 * history
      log.warn({ err: error, path }, 'the order of the journal could not be written anew')
      await rm(`${path}.new`, { force: true })
    }
  }

  /** The same goes to the same place until there is room. False: it cannot be written any more. */
  async function write(extents: Extent[]): Promise<boolean> {
    for (;;) {
      try {
        await file.append(extents)
        if (status.state === 'full') log.info('the order of the journal can be written again')
        status = { state: 'ok', detail: '' }
        return true
      } catch (error) {
        if (!isWaitable(error)) {
          fail(error as Error)
          return false
        }
        if (status.state === 'ok')
          log.warn({ err: error }, 'the order of the journal cannot be written now: trying again')
        status = { state: 'full', detail: detailOf(error as Error) }
        if (closed) return false
        await sleep(retryMs)
      }
    }
  }

  const detailOf = ({ message }: Error) => `the order of the journal cannot be written: ${message}`

  function fail(error: Error): void {
    const detail = detailOf(error)
    status = { state: 'failed', detail }
    waiting = []
    log.error({ err: error, path }, 'the order of the journal failed: nothing is stored until a restart')
    options.onFailed?.(new FatalError(detail, error))
  }

  async function flushed(): Promise<void> {
    while (flushing !== null) await flushing
  }

  return {
    grew(part, end) {
      if (closed || status.state === 'failed' || end.position <= endIn(told, part).position) return
      const last = waiting.at(-1)
      const isJoined = last?.part === part && end.position - last.from <= limits.segmentBytes
      if (!isJoined || end.receivedAtUs < last.receivedAtUs) return add(nextExtent(told, part, end))
      last.to = end.position
      last.ordinal = end.ordinal
      last.receivedAtUs = end.receivedAtUs
      advance(told, last)
    },
    endOf: (part) => endIn(told, part),
    end: () => told.end,
    goOnBehind({ position, ordinal }) {
      if (position <= told.end.position) return
      log.error({ journal: told.end.position, store: position }, 'journal ends before what the store has taken')
      told.end.position = position
      told.end.ordinal = Math.max(ordinal, told.end.ordinal)
      durable = position
    },
    released: () => told.released,
    release(position) {
      const done = releasing.then(async () => {
        const { end, parts } = passed.reached
        if (closed) return new Map(parts)
        await pass(position)
        // Read from elsewhere the oldest extents would have gaps: it is known where all is whole.
        if (end.position > told.released.position) add(markOf(told, releasedMark, end.position, end.ordinal, 0))
        return new Map(parts)
      })
      releasing = done.catch(() => {})
      return done
    },
    pages: file,
    durable: () => durable,
    isExact: true,
    grown: telling.grown,
    flush: flushed,
    status: () => status,
    async close() {
      closed = true
      await releasing
      await flushed()
      telling.close()
      await file.close()
    },
  }
}
