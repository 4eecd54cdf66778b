/**
 * What was acknowledged, in order, until it is stored.
 *
 *     accept, append ─▶ group being filled ─▶ one write + one fdatasync ─▶ durable: one call and one promise tell it
 *
 * The promise: once accept() resolves, or onSettled tells of append()'s position, the record survives kill -9 and power loss, and stays until release() is called
 * beyond it. Everything that waits while a group is synced makes up the next group.
 */
import { mkdir, rm } from 'node:fs/promises'
import type { Logger } from 'pino'
import { type Clock, systemClock } from '../telemetry/clock.ts'
import { AbandonedError, FatalError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type Message, MessageKind, type PacketEntrance, type Record } from '../telemetry/message.ts'
import type { Times } from '../telemetry/times.ts'
import { createGroup, type Group } from './group.ts'
import { createHold } from './hold.ts'
import type { JournalTail } from './reader.ts'
import { packetRecordBytes, recordBytesMax, recordBytes as sizeOf } from './record.ts'
import { recover } from './recover.ts'
import type { End, Segment } from './segment.ts'
import { createTelling } from './telling.ts'
import { createWriter } from './writer.ts'

/** ok: takes messages. full: waits for release() or for room on the disk. failed: takes nothing until a restart. */
export type JournalState = { state: 'ok' | 'full' | 'failed'; detail: string }

export type JournalStats = {
  bytes: number
  segments: number
  syncs: number
  /** Of each write with its sync. */
  syncTimes: Times
  unsyncedBytes: number
  /** Messages that wait for room. */
  waiting: number
}

export type JournalOptions = {
  folder: string
  log: Logger
  clock?: Clock
  bytesMax?: number
  /** Bytes that count against bytesMax, when it is not this journal's alone. */
  heldBytes?: () => number
  segmentBytes?: number
  /** The store's own mark: the journal never starts before it, so that positions are never used twice. */
  startAt?: { position: number; ordinal: number }
  /** Room left for everything else on the disk, when it is not the usual. */
  diskReserveBytes?: number
  /** How long to wait before a write is tried again on a full disk, milliseconds. */
  retryMs?: number
  /** Hears of each record of accept() at once: it has its place, and is not on disk yet. */
  onPlaced?: (record: Record) => void
}

export type Journal = JournalTail &
  PacketEntrance & {
    /** @throws FatalError (as a rejection) when the disk failed: nothing may be acknowledged any more. */
    accept(message: Message): Promise<void>
    /** Forgets what waits for room since its connection is gone: it was never acknowledged. */
    abandon(epoch: number): void
    /** Where the oldest record stood when the journal was opened, and how many readings there were before it. */
    first: { position: number; ordinal: number }
    /** Position of the oldest record that is kept. */
    oldest(): number
    /** Readings accepted over the life of the folder. */
    ordinal(): number
    /** How far it is durable. */
    end(): End
    /** Everything before the position is stored: whole segments before it are removed. */
    release(position: number): Promise<void>
    /** Resolves when everything accepted so far is durable. */
    flush(): Promise<void>
    status(): JournalState
    /** False: a reading would wait now. */
    hasRoom(): boolean
    stats(): JournalStats
    close(): Promise<void>
  }

/** Opens or creates the journal of a folder. A torn tail is cut off, kept beside it, and told in the log. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { folder, log, clock = systemClock } = options
  const bytesMax = options.bytesMax ?? limits.journalBytesMax
  await mkdir(folder, { recursive: true })

  const { file, segments, first, end } = await recover(folder, options.startAt ?? { position: 0, ordinal: 0 }, log)
  let durable = end.position
  let durableEnd: End = { ...end }
  let released = (segments[0] as Segment).base
  let group = createGroup(null)
  let spare: Buffer | null = null
  let flushing: Promise<void> | null = null
  let status: JournalState = { state: 'ok', detail: '' }
  let closed = false
  let isDiskFull = false
  const waiting = new Set<{ message: Message; resolve: () => void; reject: (error: Error) => void }>()
  const listeners: Array<(durable: number, error: Error | null) => void> = []
  const hold = createHold()
  const telling = createTelling(() => durable)
  const writer = createWriter({
    ...options,
    file,
    segments,
    onFull(detail) {
      isDiskFull = true
      report({ state: 'full', detail })
      return !closed
    },
  })

  /** What the store still needs; the disk holds up to a segment more, since only whole segments are removed. */
  const bytesHeld = options.heldBytes ?? (() => end.position - released)
  const isFull = () => isDiskFull || bytesHeld() >= bytesMax

  function advance(kind: MessageKind): void {
    if (kind === MessageKind.publish) end.ordinal++
    end.receivedAtUs = nextReceiveTime(end.receivedAtUs, clock.nowMs() * 1000)
    // setImmediate: everything that the sockets deliver in this turn joins the group.
    flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(flush)
  }

  function append(message: Message): Promise<void> {
    advance(message.kind)
    const { position, ordinal, receivedAtUs } = end
    end.position += group.add(message, position, ordinal, receivedAtUs)
    options.onPlaced?.({ ...message, position, ordinal, receivedAtUs })
    return group.durable()
  }

  /** Life cycle messages are few and small; they pass a full journal, so that no state is lost. */
  function waitForRoom(message: Message): Promise<void> {
    report({ state: 'full', detail: `${bytesHeld()} of ${bytesMax} bytes held; waiting for the store` })
    return new Promise((resolve, reject) => waiting.add({ message, resolve, reject }))
  }

  /** In the order in which they came, as many as there is room for. */
  function letIn(): void {
    for (const waiter of waiting) {
      if (isFull()) return
      waiting.delete(waiter)
      accept(waiter.message).then(waiter.resolve, waiter.reject)
    }
  }

  function accept(message: Message): Promise<void> {
    if (status.state === 'failed') return Promise.reject(new FatalError(status.detail))
    if (closed) return Promise.reject(new FatalError('the journal is closed'))
    const bytes = sizeOf(message)
    if (bytes > recordBytesMax) return Promise.reject(new FatalError(`a record of ${bytes} bytes is too large`))
    if (isFull() && message.kind === MessageKind.publish) return waitForRoom(message)
    return append(message)
  }

  async function flush(): Promise<void> {
    while (group.count > 0) {
      if (!closed) await hold(() => group.count)
      const syncing = group
      group = createGroup(spare)
      spare = null
      try {
        await writer.write(syncing)
      } catch (error) {
        fail(error as Error, syncing)
        break
      }
      isDiskFull = false
      if (!isFull()) report({ state: 'ok', detail: '' })
      durable = syncing.end
      durableEnd = { position: durable, ordinal: syncing.ordinalAfter, receivedAtUs: syncing.receivedAfterUs }
      spare = syncing.buffer()
      for (const listener of listeners) listener(durable, null)
      syncing.settle(null)
      letIn()
      telling.tell()
    }
    flushing = null
  }

  function report(next: JournalState): void {
    if (status.state === next.state || status.state === 'failed') return
    if (next.state === 'full') log.warn({ detail: next.detail }, 'journal full: nothing is acknowledged')
    else log.info('journal takes messages again')
    status = next
  }

  function fail(error: Error, syncing: Group): void {
    const detail = `journal cannot be written: ${error.message}`
    status = { state: 'failed', detail }
    log.error({ err: error, folder }, 'journal failed: nothing is acknowledged until a restart')
    const fatal = new FatalError(detail, error)
    for (const listener of listeners) listener(durable, fatal)
    syncing.settle(fatal)
    group.settle(fatal)
    for (const waiter of waiting) waiter.reject(fatal)
    waiting.clear()
  }

  return {
    accept,
    append(packet) {
      if (status.state === 'failed' || closed) return -1
      if (packetRecordBytes(packet) > recordBytesMax || isFull()) return -1
      advance(packet.kind)
      end.position += group.addPacket(packet, end.position, end.ordinal, end.receivedAtUs)
      return end.position
    },
    onSettled: (listener) => listeners.push(listener),
    unsynced: () => end.position - durable,
    abandon(epoch) {
      for (const waiter of waiting) {
        if (waiter.message.epoch !== epoch) continue
        waiting.delete(waiter)
        waiter.reject(new AbandonedError())
      }
    },
    durable: () => durable,
    isExact: true,
    first,
    oldest: () => (segments[0] as Segment).base,
    ordinal: () => end.ordinal,
    end: () => durableEnd,
    grown: telling.grown,
    async release(position) {
      released = Math.max(released, position)
      while (segments.length > 1 && (segments[1] as Segment).base <= position) {
        const oldest = segments.shift() as Segment
        await rm(oldest.path, { force: true })
      }
      if (!isFull() && flushing === null) report({ state: 'ok', detail: '' })
      letIn()
    },
    async flush() {
      await flushing
    },
    status: () => status,
    hasRoom: () => !isFull(),
    stats: () => ({
      bytes: bytesHeld(),
      segments: segments.length,
      syncs: writer.syncs(),
      syncTimes: writer.syncTimes(),
      unsyncedBytes: end.position - durable,
      waiting: waiting.size,
    }),
    async close() {
      closed = true
      for (const waiter of waiting) waiter.reject(new FatalError('the journal is closed'))
      waiting.clear()
      await flushing
      telling.close()
      await writer.close()
    },
  }
}

/** A clock that steps back by more than this was wrong before; following it beats stamping the future for years. */
export const stepBackUsMax = 60_000_000

/** Strictly later than the last record, and never far from the clock. */
function nextReceiveTime(lastUs: number, nowUs: number): number {
  return nowUs > lastUs || lastUs - nowUs > stepBackUsMax ? nowUs : lastUs + 1
}
