/**
 * Everything behind accept(): journal ─▶ ingest ─▶ store, and liveness beside it, whose changes of state go the same way. The
 * server runs it by the machine's time, a simulation by its own.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Balance } from './console/status.ts'
import { type Ingest, startIngest } from './ingest/ingest.ts'
import type { Journal, JournalOptions } from './journal/journal.ts'
import { openWholeJournal, type WholeJournal } from './journal/parts/whole.ts'
import { type Liveness, type LivenessOptions, startLiveness } from './liveness/liveness.ts'
import type { Plan } from './plan.ts'
import type { Store } from './stores/store.ts'
import type { Counters } from './telemetry/counters.ts'
import type { StateChange } from './telemetry/device.ts'
import { lifeCycle, MessageKind } from './telemetry/message.ts'
import { toRows } from './telemetry/platform-points.ts'
import type { DeviceReading } from './telemetry/reading.ts'

export type PipelineOptions = Pick<JournalOptions, 'onPlaced'> &
  Pick<LivenessOptions, 'clock' | 'steady' | 'every' | 'at' | 'expected'> & {
    /** Rules of alerts, and who is told of them. */
    alerts: Omit<LivenessOptions['alerts'], 'counters'>
    /** The data folder. */
    folder: string
    log: Logger
    store: Store
    plan: Plan
    counters: Counters
    bytesMax: number
    /** Processes that write parts of the journal besides this one. */
    workers: number
    /** Answers whether a worker writes that part, and releases it. */
    releasePart: (part: number, position: number) => boolean
    /** What liveness reads, where it is not the journal. */
    followJournal?: (journal: Journal) => ReturnType<LivenessOptions['openSource']>
    onReadings: (readings: DeviceReading[]) => void
    onChange: (change: StateChange) => void
    /** Something is stored: the journal may have room again. */
    onReleased: (hasRoom: boolean) => void
    onFailed: (part: 'journal' | 'ingest' | 'liveness', error: Error) => void
  }

export type Pipeline = {
  journal: Journal
  whole: WholeJournal
  ingest: Ingest
  liveness: Liveness
  balance(): Balance
  /** Nothing more may be accepted. What was is delivered, unless the store is away. The store stays open. */
  close(): Promise<void>
}

const flushMsMax = 3_000

export async function openPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { folder, log, store, plan, counters, onPlaced, clock, steady, every, at, expected, followJournal } = options
  const failed = (part: 'journal' | 'ingest' | 'liveness') => (error: Error) => options.onFailed(part, error)
  const whole = await openWholeJournal({
    folder,
    log,
    bytesMax: options.bytesMax,
    startAt: (await store.checkpoint()) ?? { position: 0, ordinal: 0 },
    workers: options.workers,
    releasePart: options.releasePart,
    onFailed: failed('journal'),
    ...(clock && { clock }),
    ...(onPlaced && { onPlaced }),
  })
  const { own: journal } = whole
  // A position beyond the journal's end is from another life of the folder: everything in it is new.
  const openSource = (position: number) =>
    whole.openReader(position > whole.durable() ? whole.first.position : position)
  const acceptedBefore = whole.ordinal()
  const release = () => {
    const position = Math.min(ingest.neededFrom(), liveness.savedPosition())
    whole
      .release(position)
      .then(() => options.onReleased(journal.hasRoom()))
      .catch(failed('journal'))
  }

  const liveness = await startLiveness({
    openSource: followJournal === undefined ? openSource : () => followJournal(journal),
    deviceOf: plan.deviceOf,
    // A full journal takes no readings: that time counts against no device.
    async tick() {
      if (whole.status().state !== 'ok') return
      const told = journal.accept(lifeCycle(MessageKind.tick, '', 0, ''))
      // In virtual time nothing may depend on how long a disk takes.
      if (followJournal === undefined) await told
      else told.catch(failed('journal'))
    },
    folder,
    log,
    ...(clock && { clock }),
    ...(steady && { steady }),
    ...(every && { every }),
    ...(at && { at }),
    ...(expected && { expected }),
    onChange(change) {
      options.onChange(change)
      // On the readings' own path, so that the store learns of it once, and even if it is away now.
      const topic = `${change.site}/${change.device}`
      journal.accept(lifeCycle(MessageKind.state, '', 0, topic, change)).catch(failed('journal'))
    },
    onPoints(points) {
      // Nothing is appended any more until a restart, and what is measured is no reason to stop.
      if (journal.status().state === 'failed') return
      journal.accept(lifeCycle(MessageKind.points, '', 0, '', toRows(points))).catch(failed('journal'))
    },
    alerts: { ...options.alerts, counters },
    look: plan.look,
    gatewayOf: plan.gatewayOf,
    onSaved: () => release(),
    onFailed: failed('liveness'),
  })
  const ingest = await startIngest({
    openSource,
    releasedBefore: whole.first.ordinal,
    journalFrom: whole.first.position,
    journalTo: whole.durable(),
    store,
    routes: plan.routes(),
    configVersion: plan.version(),
    folder,
    counters,
    log,
    onReadings: options.onReadings,
    onStored: release,
    onFailed: failed('ingest'),
  })

  return {
    journal,
    whole,
    ingest,
    liveness,
    balance() {
      const { stored, quarantined, duplicate, damaged } = ingest.checkpoint()
      const accepted = whole.ordinal()
      const { waiting } = journal.stats()
      return {
        received: acceptedBefore + counters.received,
        accepted,
        refused: counters.refusedReadings,
        waiting,
        stored,
        quarantined,
        duplicate,
        damaged,
        held: accepted - stored - quarantined - duplicate - damaged,
      }
    },
    async close() {
      // On a full disk this would never end; what is lost then is at most the last change of state.
      const told = whole.flush().then(() => liveness.reached(whole.durable()))
      await Promise.race([told, sleep(flushMsMax, undefined, { ref: false })])
      // Readers end when the writer does; what they have read is delivered before the store closes.
      await whole.close()
      await Promise.all([ingest.close(), liveness.close()])
    },
  }
}
