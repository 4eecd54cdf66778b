/**
 * A fleet in virtual time through the real journal, ingest, store and liveness: a year in minutes.
 *
 *     fleet ─▶ virtual broker ─accept─▶ journal ─▶ ingest ─▶ store
 *       └────── virtual clock ──────────▶ └─▶ liveness ─▶ alerts ─▶ truth
 *
 * Virtual time depends on nothing but the seed. The machine's disk, store and processor are not part of it: an answer takes as long as the
 * virtual broker says, and when the machine cannot follow, the clock stands still and waits. So an acknowledged reading may be in memory
 * still when the process is killed; such a run has no truth that ends, and counts for nothing.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Config, loadConfig } from '../config/load.ts'
import type { Balance } from '../console/status.ts'
import { claimDataFolder } from '../data-folder.ts'
import type { Fleet } from '../devices-sim/fleet.ts'
import { createVirtualClock, type SimClock } from '../devices-sim/sim-clock.ts'
import type { Transport } from '../devices-sim/transport.ts'
import type { TruthWriter } from '../devices-sim/truth/truth.ts'
import { createVirtualBroker, type VirtualBroker } from '../devices-sim/virtual/broker.ts'
import { createPlacedRecords } from '../devices-sim/virtual/placed-records.ts'
import { topicOf } from '../liveness/notify/mqtt.ts'
import { openStore } from '../open-store.ts'
import { openPipeline } from '../pipeline.ts'
import { createPlan } from '../plan.ts'
import type { Alert, Notification } from '../telemetry/alert.ts'
import { createCounters } from '../telemetry/counters.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { StartError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import type { QuarantineView } from '../telemetry/quarantine.ts'
import type { ReadingStore } from '../telemetry/query.ts'
import type { Route } from '../telemetry/route.ts'
import { topicPattern } from '../telemetry/topic.ts'

export type VirtualFleet = Pick<Fleet, 'start' | 'drain' | 'close'>

export type VirtualRunOptions = {
  routes: Route[]
  /** Topic pattern of births and wills. */
  statusTopic: string
  startMs: number
  endMs: number
  /** A data folder without readings; `dewpoint start` shows it afterwards. */
  folder: string
  store: Config['store']
  /** Gets the alerts, and the line that says that the run is whole. Whoever opened it closes it. */
  truth: Pick<TruthWriter, 'write'>
  /** What else shall happen is put on the clock here: incidents, outages of the server. */
  createFleet(world: {
    clock: SimClock
    transport: Transport
    server: Pick<VirtualBroker, 'start' | 'stop'>
  }): VirtualFleet
  /** Virtual time for what devices still hold at the end. */
  drainMs: number
  log: Logger
  onProgress?: (progress: { nowMs: number; balance: Balance }) => void
}

export type VirtualRun = {
  /** Whether the devices had nothing left to send. */
  isDrained: boolean
  balance: Balance
  store: ReadingStore
  quarantine: QuarantineView
  /** Closes the store and gives the folder free. */
  close(): Promise<void>
}

/** How long the clock runs before disk, store and ingest get a turn of the machine, milliseconds. */
const turnMs = 10
/** What is in memory and not on disk yet, at most about so much; a sync for less costs more than it gains. */
const unsyncedBytesMax = 4 * 1024 * 1024
/** How far ingest may be behind; as much of the journal is on disk beside its window. */
const behindBytesMax = 64 * 1024 * 1024
const progressMs = 1_000
const waitMs = 2

/** @throws StartError when the folder holds readings; whatever made journal, ingest, liveness or store stop. */
export async function runVirtual(options: VirtualRunOptions): Promise<VirtualRun> {
  const { routes, statusTopic, startMs, log, truth } = options
  /** What must be undone, the newest first. */
  const undo: Array<() => Promise<void>> = []
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    return await run()
  } catch (error) {
    await close()
    throw error
  }

  async function run(): Promise<VirtualRun> {
    const folder = await claimDataFolder(options.folder)
    undo.push(folder.release)
    const plan = createPlan(routes, statusTopic)
    const store = await openStore(options.store, folder.path, plan.routes, log)
    undo.push(store.close)
    await plan.check(routes, store)

    const clock = createVirtualClock(startMs)
    const hear = ({ alert }: Notification) =>
      truth.write({
        type: 'alert',
        atMs: clock.nowMs(),
        topic: topicOf('alerts', alert),
        payload: JSON.stringify(told(alert)),
      })
    const placed = createPlacedRecords()
    const counters = createCounters()
    let failure: Error | null = null
    const failed = (error: Error) => {
      failure ??= error
      placed.end()
    }
    let hasChanged = false
    const pipeline = await openPipeline({
      folder: folder.path,
      log,
      store,
      plan,
      counters,
      bytesMax: limits.journalBytesMax,
      workers: 0,
      releasePart: () => false,
      clock,
      steady: clock,
      every: (ms, run) => every(clock, ms, run),
      at: clock.at,
      alerts: { config: loadConfig(null, '', {}).alerts, notify: (_notifier, told) => hear(told) },
      onPlaced: placed.place,
      followJournal: (journal) => placed.source(() => journal.durable() + journal.unsynced()),
      onReadings: () => {},
      onChange() {
        hasChanged = true
      },
      onReleased: () => {},
      onFailed: (_part, error) => failed(error),
    })
    const { journal, whole, ingest, liveness, balance } = pipeline
    undo.push(async () => {
      await placed.taken()
      placed.end()
      await pipeline.close()
    })
    if (whole.ordinal() > 0)
      throw new StartError(`data ${folder.path}: holds readings, a run in virtual time wants none`)
    liveness.begin()

    const status = topicPattern(statusTopic)
    const broker = createVirtualBroker({
      clock,
      accept: (message) => void journal.accept(message).catch(failed),
      nextEpoch: createEpochs(startMs),
      isStatus: (topic) => status.match(topic) !== null,
      counters,
    })
    const fleet = options.createFleet({ clock, transport: broker, server: broker })
    let turnAt = performance.now()
    let toldAt = turnAt

    /** Does what is due next; false: nothing is, until then. */
    async function step(untilMs: number): Promise<boolean> {
      const nextMs = clock.nextMs()
      if (nextMs === null || nextMs > untilMs) return false
      clock.runUntil(nextMs)
      if (placed.waiting()) await placed.taken()
      if (hasChanged) {
        hasChanged = false
        // Alerts of this instant are told in it.
        await nextTurn()
      }
      if (performance.now() - turnAt >= turnMs || journal.unsynced() >= unsyncedBytesMax) await followUp()
      if (failure !== null) throw failure
      return true
    }

    /** The machine does its part, so that neither memory nor journal grow with the length of the run. */
    async function followUp(): Promise<void> {
      await nextTurn()
      const isBehind = () =>
        journal.unsynced() >= unsyncedBytesMax ||
        whole.durable() - ingest.checkpoint().position >= behindBytesMax ||
        !journal.hasRoom()
      while (isBehind() && failure === null) await sleep(waitMs)
      turnAt = performance.now()
      if (turnAt - toldAt < progressMs) return
      toldAt = turnAt
      options.onProgress?.({ nowMs: clock.nowMs(), balance: balance() })
    }

    /** Lets the clock run until the promise is kept. */
    async function until<Value>(promise: Promise<Value>): Promise<Value> {
      let isKept = false
      const kept = promise.finally(() => {
        isKept = true
      })
      while (!isKept) if (!(await step(Number.POSITIVE_INFINITY))) await nextTurn()
      return kept
    }

    broker.start()
    fleet.start()
    while (await step(options.endMs));
    clock.runUntil(options.endMs)
    const isDrained = await until(fleet.drain(options.drainMs))
    await until(fleet.close())
    await placed.taken()
    await journal.flush()
    // An end while the store is away would leave the rest in the journal.
    while (balance().held > 0 && failure === null) await sleep(waitMs)
    if (failure !== null) throw failure
    truth.write({ type: 'end', atMs: clock.nowMs() })
    const [endPipeline] = undo.splice(-1)
    await endPipeline?.()
    return { isDrained, balance: balance(), store, quarantine: ingest.quarantine, close }
  }
}

function every(clock: SimClock, ms: number, run: () => void): () => void {
  let forget = () => {}
  const next = () => {
    forget = clock.at(clock.nowMs() + ms, () => {
      run()
      next()
    })
  }
  next()
  return () => forget()
}

/** What the oracle goes by. */
const told = ({ rule, state, why, devices }: Alert) => ({
  alert: rule,
  state: state === 'resolved' ? 'online' : 'offline',
  why,
  devices,
})
