/**
 * Record to point: read ─▶ decide (route, decode, known?, time, value) ─▶ batch ─▶ deliver. What cannot go on goes to the
 * quarantine.
 *
 * Ingest is a function of the journal. It saves what it knows of devices (state.ts) now and then, starts again from there,
 * and a little before, to remember what the window holds; a replay after a crash decides the same, writes the same points
 * again, and changes nothing:
 *
 *     ├─ remembered only ─┼─ saved state ── decided again, not written ──┼─ the store's checkpoint ── new ─▶
 */
import assert from 'node:assert'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Counters } from '../telemetry/counters.ts'
import { deferred } from '../telemetry/deferred.ts'
import type { DeviceName, StateChange } from '../telemetry/device.ts'
import type { QuarantineCode } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { MessageKind, type Record } from '../telemetry/message.ts'
import { fromRows } from '../telemetry/platform-points.ts'
import { type Checkpoint, createSeries, emptyCheckpoint, type FieldType, type Point } from '../telemetry/point.ts'
import { fromReplay, type QuarantineView, quarantineId } from '../telemetry/quarantine.ts'
import type { CodecMemory, DeviceReading, Value } from '../telemetry/reading.ts'
import type { Route } from '../telemetry/route.ts'
import { deviceTag, siteTag, stateField, stateMeasurement, stateNameField } from '../telemetry/schema.ts'
import { type Batch, createBatch, isFull } from './batch.ts'
import { createDecider, type Outcome } from './decide.ts'
import { createDeliverer, type PointStore, type StoreState } from './deliver.ts'
import { closeRows, stretchOf } from './ledger.ts'
import { createRowsUnderWay, type OpenRows } from './open-rows.ts'
import { openQuarantine } from './quarantine.ts'
import { loadState, saveState, stateText } from './saved-state.ts'
import { createState } from './state.ts'
import { windowStart } from './window.ts'

/** What ingest asks of the journal. */
export type RecordSource = {
  /** An empty chunk: the writer has closed and there is nothing more. */
  read(): Promise<{ records: Record[]; next: number; damagedBytes: number }>
  close(): Promise<void>
}

export type IngestOptions = {
  openSource: (position: number) => RecordSource
  /** Readings before the oldest record of the journal. */
  releasedBefore: number
  /** Position of the oldest record of the journal. */
  journalFrom: number
  /** Position behind its last record, as it was opened. */
  journalTo: number
  store: PointStore
  routes: Route[]
  /** Of the routes, 8 hexadecimal digits: stands with what they could not decide. */
  configVersion: string
  /** Folder of the quarantine and of what is known of devices. */
  folder: string
  counters: Counters
  log: Logger
  /** The newest reading of each channel that came, for pages; called once per read. */
  onReadings: (readings: DeviceReading[]) => void
  /** A batch is in the store: neededFrom() may have moved on. */
  onStored: () => void
  onFailed: (error: Error) => void
}

export type Ingest = {
  checkpoint(): Checkpoint
  /** Journal position that a restart would read from; records before it may go. */
  neededFrom(): number
  storeState(): StoreState
  quarantine: QuarantineView
  /** What codecs know of earlier messages; for looks, not for changes. */
  codecMemory: CodecMemory
  /**
   * Rows of the completeness ledger that are not in the store yet; without a site those of every site. Resolves when what was
   * known before a restart is known again.
   */
  openRows(device: string, site: string | undefined): Promise<OpenRows>
  /** Resolves when everything read so far is stored by the old routes; the next record goes by the new ones. */
  setRoutes(routes: Route[], configVersion: string): Promise<void>
  /** Delivers what was read, unless the store is away; the journal must be closed first. */
  close(): Promise<void>
}

/** Sockets, timers and the memory of inflated payloads get their turn of the event loop between so many records. */
const recordsPerTurn = 500

/** Of messages that were quarantined before their readings were looked at. */
const undecidedCodes: QuarantineCode[] = ['no_route', 'bad_topic', 'bad_sequence', 'no_birth']

export async function startIngest(options: IngestOptions): Promise<Ingest> {
  const { counters, folder, log, store } = options
  let checkpoint = { ...((await store.checkpoint()) ?? emptyCheckpoint()) }
  const saved = await loadState(folder, checkpoint.position, log)
  const state = createState(saved.state, counters)
  const decider = createDecider(options.routes, state, counters)
  let { stretch, turn } = saved
  let { configVersion } = options

  // What was released and is not known to this store was stored by another, before the configuration changed.
  const elsewhere = Math.max(0, options.releasedBefore - checkpoint.ordinal)
  checkpoint.stored += elsewhere
  checkpoint.ordinal += elsewhere
  const resumeAt = checkpoint.position
  const committed = Math.max(resumeAt, options.journalFrom)
  let journalTimeUs = 0
  const clock = { nowMs: () => journalTimeUs / 1000 }
  const quarantine = await openQuarantine({ folder, committed, clock, counters })
  const deliverer = createDeliverer(store, quarantine, counters, log)
  let savedAt = saved.position
  let capturedAt = savedAt
  const startAt = windowStart(Math.min(savedAt, resumeAt))
  const source = options.openSource(startAt)
  /** Everything before the store's checkpoint was read again. */
  const rebuilt = deferred()
  if (Math.min(resumeAt, options.journalTo) <= startAt) rebuilt.resolve()
  let batch = createBatch(resumeAt, checkpoint.ordinal, configVersion)
  const rowsUnderWay = createRowsUnderWay()
  let delivering: Promise<void> = Promise.resolve()
  let deliveriesOpen = 0
  let timer: NodeJS.Timeout | null = null
  let turns: Promise<void> = Promise.resolve()
  /** What is known and could not be saved: it is tried again until it can, or more is known. */
  let unsaved: NodeJS.Timeout | null = null
  /** Between the rows of a stretch, so what is known is of no position. */
  let isTurning = false
  let hasFailed = false

  function take(record: Record): void {
    const { kind, position } = record
    decider.moveTo(position, position < saved.position)
    decider.left(record)
    journalTimeUs = record.receivedAtUs
    if (position < saved.position) {
      if (kind === MessageKind.publish && !isUndecided(quarantineId(record))) decider.remember(record)
    } else if (position < resumeAt) {
      if (kind === MessageKind.publish && !isUndecided(quarantineId(record))) decider.rebuild(record, false)
      else if (kind === MessageKind.replay) replayOfThePast(record)
    } else if (kind === MessageKind.publish) {
      countGap(record)
      keep(record, decider.decide(record, batch.points), null)
    } else if (kind === MessageKind.replay) {
      const outcome = replay(record, batch.points)
      if (outcome !== null) keep(fromReplay(record).record, outcome, position)
    } else if (kind === MessageKind.state) takeState(record)
    else if (kind === MessageKind.points)
      batch.points.push(...fromRows(JSON.parse(record.payload.toString()), position))
  }

  /** Ordinals that are missing belong to readings that a damaged journal cannot give back. */
  function countGap(record: Record): void {
    batch.damaged += record.ordinal - batch.ordinal - 1
    batch.ordinal = record.ordinal
  }

  function keep(record: Record, outcome: Outcome, replayedAt: number | null): void {
    batch.bytes += record.payload.length + record.topic.length
    if (outcome === 'stored') batch.taken.push({ record, replayedAt })
    else if (outcome === 'duplicate') {
      batch.duplicates++
      if (replayedAt !== null) batch.copies.push({ record, replayedAt })
    } else {
      const again = replayedAt === null ? {} : { decidedAt: replayedAt }
      if (replayedAt === null) quarantine.announce(quarantineId(record))
      batch.quarantined.push({ record, code: outcome.code, reason: outcome.detail, configVersion, ...again })
    }
  }

  /**
   * In the quarantine, and never came as far as its readings: it has left nothing behind. The routes of now may be able to read
   * it, and would take its own replay for a copy.
   */
  function isUndecided(id: string): boolean {
    const code = quarantine.get(id)?.code
    return code !== undefined && undecidedCodes.includes(code)
  }

  /** It is in the store already, or has failed again; what it left behind must be known again. */
  function replayOfThePast(record: Record): void {
    const { id, record: original } = fromReplay(record)
    const decidedAt = quarantine.resolutionOf(id) ?? quarantine.get(id)?.decidedAt
    if (decidedAt === record.position) decider.rebuild(original, true)
  }

  /**
   * A quarantined message is decided again, once: null when another replay has done so. One that is not in the quarantine was
   * dropped, or, decided anew after a crash, never got there: it is not counted as quarantined, so it cannot leave.
   */
  function replay(record: Record, into: Point[]): Outcome | null {
    const { id, record: original } = fromReplay(record)
    if (quarantine.resolutionOf(id) !== null || !quarantine.has(id)) return null
    // Of the others the sequence and the counters have heard.
    const outcome = isUndecided(id) ? decider.decide(original, into) : decider.decideAgain(original, into)
    if (outcome === 'stored' || outcome === 'duplicate') quarantine.claim(id, record.position)
    return outcome
  }

  function takeState(record: Record): void {
    const { site, device, state: word, atUs } = JSON.parse(record.payload.toString()) as StateChange
    const tags = [[siteTag, site] as const, [deviceTag, device] as const].filter(([, value]) => value !== '')
    const timeNs = BigInt(Math.round(atUs)) * 1000n
    const say = (field: string, type: FieldType, value: Value) => {
      const series = createSeries(stateMeasurement, tags, field, type)
      batch.points.push({ series, timeNs, value, position: record.position })
    }
    say(stateField, 'float', word === 'online' || word === 'asleep' || word === 'late' ? 1 : 0)
    say(stateNameField, 'string', word)
  }

  /** The ledger's rows go to the store when the journal's clock has moved on. */
  async function turnStretch(record: Record): Promise<void> {
    if (record.position < saved.position) return
    const isFirst = stretch === null
    stretch = stretchOf(record.receivedAtUs)
    if (isFirst) return
    // By the clock, so that rows stay apart even when what was known is lost; the clock may step back.
    turn = Math.max(turn + 1, stretch)
    isTurning = true
    const isNew = record.position >= resumeAt
    for (const device of state.devices()) {
      if (device.rows.size === 0) continue
      if (isNew) rowsUnderWay.closing(batch, device)
      closeRows(device, turn, isNew ? batch.points : [])
      if (isFull(batch)) await handOver()
    }
    isTurning = false
  }

  /** At most one batch is under way and one waits; reading waits behind them. */
  async function handOver(): Promise<void> {
    if (!isTurning && batch.position - capturedAt >= limits.stateEveryBytes) captureState()
    const full = batch
    batch = createBatch(full.position, full.ordinal, configVersion)
    if (timer !== null) clearTimeout(timer)
    timer = null
    const before = delivering
    deliveriesOpen++
    delivering = before.then(() => deliver(full)).catch(options.onFailed)
    await before
  }

  async function deliver(full: Batch): Promise<void> {
    rowsUnderWay.delivering(full)
    const next = await deliverer.deliver(full, checkpoint)
    deliveriesOpen--
    if (next === null) return
    checkpoint = next
    rowsUnderWay.delivered(full)
    if (full.state !== null) await save(full.state, full.position)
    options.onStored()
    watchAge()
  }

  async function save(text: string[], position: number): Promise<void> {
    if (unsaved !== null) clearTimeout(unsaved)
    unsaved = null
    try {
      await saveState(folder, text)
      savedAt = position
    } catch (error) {
      counters.stateSaveFailures++
      log.warn({ err: error }, 'what is known of devices could not be saved: the journal keeps it')
      // Nothing more may come, since the journal is full for want of this.
      unsaved = setTimeout(() => saveAgain(text, position), limits.stateRetryMs)
    }
  }

  function saveAgain(text: string[], position: number): void {
    delivering = delivering
      .then(async () => {
        if (position <= savedAt) return
        await save(text, position)
        if (position === savedAt) options.onStored()
      })
      .catch(options.onFailed)
  }

  /** Batches are handed over between two records, so the state is that of the batch's position. */
  function captureState(): void {
    const { position } = batch
    capturedAt = position
    batch.state = stateText({ position, stretch, turn, state: state.save() })
  }

  function watchAge(): void {
    if (timer !== null || deliveriesOpen > 0 || batch.position === checkpoint.position) return
    timer = setTimeout(handOver, limits.batchAgeMsMax)
  }

  async function takeChunk(records: Record[], next: number): Promise<void> {
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as Record
      // Asked here: the await of a call that does nothing would cost each record more than its route.
      if (stretchOf(record.receivedAtUs) !== stretch) await turnStretch(record)
      take(record)
      batch.position = Math.max(batch.position, records[i + 1]?.position ?? next)
      if (isFull(batch)) await handOver()
      if (i % recordsPerTurn === recordsPerTurn - 1) await nextTurn()
    }
    batch.position = Math.max(batch.position, next)
    if (next >= resumeAt) rebuilt.resolve()
    tellPages()
    watchAge()
  }

  function tellPages(): void {
    const { fresh } = decider
    if (fresh.length === 0) return
    const readings = fresh.map(({ target, routed }): DeviceReading => {
      const { site, device } = routed.known
      const { timeMs, value } = target.fresh as { timeMs: number; value: DeviceReading['value'] }
      target.fresh = null
      return { site, device, channel: target.channel, unit: target.unit, timeMs, value }
    })
    fresh.length = 0
    options.onReadings(readings)
  }

  /** One after the other, so that routes change between two chunks only. */
  function inTurn(step: () => Promise<void>): Promise<void> {
    const done = turns.then(step)
    turns = done.catch(() => {})
    return done
  }

  async function run(): Promise<void> {
    // A window may begin within a record. All of it was decided long ago, so its rest is no damage.
    let isWithinRecord = startAt > options.journalFrom && startAt < Math.min(savedAt, resumeAt)
    for (;;) {
      const { records, next, damagedBytes } = await source.read()
      if (records.length === 0 && damagedBytes === 0) {
        rebuilt.resolve()
        return
      }
      if (damagedBytes > 0 && !isWithinRecord)
        log.error({ bytes: damagedBytes, before: next }, 'journal is damaged: readings were lost')
      isWithinRecord = false
      await inTurn(() => takeChunk(records, next))
    }
  }

  const running = run().catch((error: Error) => {
    hasFailed = true
    rebuilt.resolve()
    options.onFailed(error)
  })

  return {
    checkpoint: () => checkpoint,
    neededFrom: () => windowStart(Math.min(savedAt, checkpoint.position)),
    storeState: deliverer.state,
    quarantine,
    codecMemory: state.memoryOfThePast,
    async openRows(device, site) {
      await rebuilt.promise
      const isAsked = (known: DeviceName) => known.device === device && (site === undefined || known.site === site)
      return rowsUnderWay.open(state.devices(), isAsked)
    },
    setRoutes: (routes, version) =>
      inTurn(async () => {
        if (batch.position > checkpoint.position) await handOver()
        await delivering
        configVersion = version
        batch.configVersion = version
        decider.setRoutes(routes)
      }),
    async close() {
      deliverer.finish()
      await running
      await turns
      if (unsaved !== null) clearTimeout(unsaved)
      // What is known is that of the batch's position only when nothing failed on the way.
      if (batch.position > savedAt && !hasFailed) {
        captureState()
        await handOver()
      }
      await delivering
      if (unsaved !== null) clearTimeout(unsaved)
      if (timer !== null) clearTimeout(timer)
      await source.close()
      await quarantine.close()
      assert(deliveriesOpen === 0)
    },
  }
}
