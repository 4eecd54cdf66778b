/**
 * Record to point: read ─▶ route ─▶ decode ─▶ known? ─▶ time ─▶ batch ─▶ deliver. What cannot go on goes to the quarantine.
 *
 * Ingest is a function of the journal: it starts a little before the store's checkpoint to remember what it must (window.ts),
 * so a replay after a crash decides the same, writes the same points again, and changes nothing.
 */
import assert from 'node:assert'
import type { Logger } from 'pino'
import type { Counters } from '../telemetry/counters.ts'
import type { StateChange } from '../telemetry/device.ts'
import type { MessageProblem } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type DisconnectDetails, MessageKind, type Record } from '../telemetry/message.ts'
import { type Checkpoint, createSeries, emptyCheckpoint } from '../telemetry/point.ts'
import { type DeviceReading, isProblem } from '../telemetry/reading.ts'
import type { Route } from '../telemetry/route.ts'
import { deviceTag, siteTag, stateField, stateMeasurement } from '../telemetry/schema.ts'
import { type Batch, createBatch, isFull } from './batch.ts'
import { createDeliverer, type PointStore, type StoreState } from './deliver.ts'
import { createDuplicates } from './duplicates.ts'
import { openQuarantine, type QuarantineEntry } from './quarantine.ts'
import { createRouter } from './route.ts'
import { timeOf } from './time.ts'
import { createWindow, windowStart } from './window.ts'

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
  store: PointStore
  routes: Route[]
  /** Folder of the quarantine. */
  folder: string
  counters: Counters
  log: Logger
  /** Readings as they are decoded, for pages; called once per read. */
  onReadings: (readings: DeviceReading[]) => void
  /** A batch is in the store: neededFrom() has moved on. */
  onStored: () => void
  onFailed: (error: Error) => void
}

export type Ingest = {
  checkpoint(): Checkpoint
  /** Journal position that a restart would read from; records before it may go. */
  neededFrom(): number
  storeState(): StoreState
  quarantined(count: number): QuarantineEntry[]
  /** Delivers what was read, unless the store is away; the journal must be closed first. */
  close(): Promise<void>
}

export async function startIngest(options: IngestOptions): Promise<Ingest> {
  const { counters, log, store } = options
  const quarantine = await openQuarantine(options.folder, counters)
  const deliverer = createDeliverer(store, quarantine, counters, log)
  const route = createRouter(options.routes)
  const window = createWindow()
  const duplicates = createDuplicates(window)

  // What was released and is not known to this store was stored by another, before the configuration changed.
  let checkpoint = { ...((await store.checkpoint()) ?? emptyCheckpoint()) }
  const elsewhere = Math.max(0, options.releasedBefore - checkpoint.ordinal)
  checkpoint.stored += elsewhere
  checkpoint.ordinal += elsewhere
  const resumeAt = checkpoint.position
  const source = options.openSource(windowStart(resumeAt))
  let batch = createBatch(resumeAt, checkpoint.ordinal)
  let live: DeviceReading[] = []
  let delivering: Promise<void> = Promise.resolve()
  let deliveriesOpen = 0
  let timer: NodeJS.Timeout | null = null

  function take(record: Record): void {
    window.moveTo(record.position)
    const isNew = record.position >= resumeAt
    if (record.kind === MessageKind.publish) {
      if (isNew) countGap(record)
      takeReading(record, isNew)
    } else if (record.kind === MessageKind.disconnect) {
      const { reason } = JSON.parse(record.payload.toString()) as DisconnectDetails
      if (reason === 'client') duplicates.left(record.client, record.position)
    } else if (record.kind === MessageKind.state && isNew) {
      takeState(record)
    }
  }

  /** Ordinals that are missing belong to readings that a damaged journal cannot give back. */
  function countGap(record: Record): void {
    batch.damaged += record.ordinal - batch.ordinal - 1
    batch.ordinal = record.ordinal
  }

  function takeReading(record: Record, isNew: boolean): void {
    const routed = route(record.topic)
    const reading = isProblem(routed) ? routed : routed.decode(record.payload)
    if (isProblem(routed) || isProblem(reading)) {
      if (isNew) keepAside(record, reading as MessageProblem)
      return
    }
    if (duplicates.isDuplicate(record, reading, routed.series)) {
      if (isNew) batch.duplicates++
      return
    }
    if (!isNew) return
    const timeNs = timeOf(record, reading)
    batch.points.push({ series: routed.series, timeNs, value: reading.value, position: record.position })
    batch.records.push(record)
    batch.bytes += bytesOf(record)
    const { site, device, channel, unit } = routed
    live.push({ site, device, channel, unit, timeMs: Number(timeNs / 1_000_000n), value: reading.value })
  }

  function keepAside(record: Record, { code, detail }: MessageProblem): void {
    batch.quarantined.push({ record, code, reason: detail })
    batch.bytes += bytesOf(record)
  }

  function takeState(record: Record): void {
    const { site, device, state, atUs } = JSON.parse(record.payload.toString()) as StateChange
    const tags = [[siteTag, site] as const, [deviceTag, device] as const].filter(([, value]) => value !== '')
    const series = createSeries(stateMeasurement, tags, stateField)
    const value = state === 'online' ? 1 : 0
    batch.points.push({ series, timeNs: BigInt(Math.round(atUs)) * 1000n, value, position: record.position })
    batch.records.push(null)
  }

  /** At most one batch is under way and one waits; reading waits behind them. */
  async function handOver(): Promise<void> {
    const full = batch
    batch = createBatch(full.position, full.ordinal)
    if (timer !== null) clearTimeout(timer)
    timer = null
    const before = delivering
    deliveriesOpen++
    delivering = before.then(() => deliver(full)).catch(options.onFailed)
    await before
  }

  async function deliver(full: Batch): Promise<void> {
    const next = await deliverer.deliver(full, checkpoint)
    deliveriesOpen--
    if (next === null) return
    checkpoint = next
    options.onStored()
    watchAge()
  }

  function watchAge(): void {
    if (timer !== null || deliveriesOpen > 0 || batch.position === checkpoint.position) return
    timer = setTimeout(handOver, limits.batchAgeMsMax)
  }

  async function run(): Promise<void> {
    for (;;) {
      const { records, next, damagedBytes } = await source.read()
      if (records.length === 0 && damagedBytes === 0) return
      if (damagedBytes > 0) log.error({ bytes: damagedBytes, before: next }, 'journal is damaged: readings were lost')
      for (let i = 0; i < records.length; i++) {
        take(records[i] as Record)
        batch.position = Math.max(batch.position, records[i + 1]?.position ?? next)
        if (isFull(batch)) await handOver()
      }
      batch.position = Math.max(batch.position, next)
      if (live.length > 0) options.onReadings(live)
      live = []
      watchAge()
    }
  }

  const running = run().catch(options.onFailed)

  return {
    checkpoint: () => checkpoint,
    neededFrom: () => windowStart(checkpoint.position),
    storeState: deliverer.state,
    quarantined: quarantine.list,
    async close() {
      deliverer.finish()
      await running
      if (batch.position > checkpoint.position) await handOver()
      await delivering
      if (timer !== null) clearTimeout(timer)
      await source.close()
      await quarantine.close()
      assert(deliveriesOpen === 0)
    },
  }
}

const bytesOf = (record: Record) => record.payload.length + record.topic.length
