/** The whole program on one page: what is opened in which order, who hears what from whom, and the same in reverse. */
import type { Logger } from 'pino'
import { chartsOf } from './alert-charts.ts'
import type { AccessConfig } from './broker/access/access.ts'
import { devicesFileIn } from './broker/access/devices-file.ts'
import { type Broker, createBroker } from './broker/broker.ts'
import { configVersion } from './config/difference.ts'
import type { Config } from './config/load.ts'
import { createConsole } from './console/console.ts'
import type { Balance, Check } from './console/status.ts'
import { claimDataFolder } from './data-folder.ts'
import type { Liveness } from './liveness/liveness.ts'
import { createNotifiers } from './liveness/notify/notifiers.ts'
import { describeStore, openStore } from './open-store.ts'
import { awaitOldWorkers, journalStats, journalStatus, workersOf } from './parts.ts'
import { openPipeline } from './pipeline.ts'
import { createPlan } from './plan.ts'
import { replayInto } from './quarantine-replay.ts'
import { quarantinedAtMs } from './quarantined-times.ts'
import { type RunningSource, startSource } from './sources/source.ts'
import { createCounters } from './telemetry/counters.ts'
import { createEpochs } from './telemetry/epoch.ts'
import { toRecord } from './telemetry/quarantine.ts'
import { type Route, unitOf } from './telemetry/route.ts'
import { topicPattern } from './telemetry/topic.ts'
import { readVersion } from './version.ts'

export { createProgramLog } from './program-log.ts'

export type Dewpoint = {
  broker: Broker['addresses']
  /** Takes the files of broker.tls into use as they are now. */
  reloadCertificate: Broker['reloadCertificate']
  http: { host: string; port: number }
  data: string
  store: string
  balance(): Balance
  /** Changes of the configuration file, taken and not; whoever reads the file counts them. */
  reloads: { done: number; failed: number }
  /** From the next record on these routes count; answers what differs, a line for each. @throws StartError */
  setRoutes(routes: Route[]): Promise<string[]>
  /** Reads the devices file now, when it is another; never rejects. */
  reloadDevices(): Promise<void>
  close(): Promise<void>
}

/** @throws StartError when something of the configuration cannot be had; nothing is left behind then. */
export async function startDewpoint(config: Config, log: Logger, onFailed: (error: Error) => void): Promise<Dewpoint> {
  /** What must be undone, the newest first. */
  const undo: Array<() => unknown> = []
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    return await open()
  } catch (error) {
    await close()
    throw error
  }

  async function open(): Promise<Dewpoint> {
    const counters = createCounters()
    const nextEpoch = createEpochs()
    const folder = await claimDataFolder(config.data)
    undo.push(folder.release)

    const plan = createPlan(config.routes, config.broker.status)
    const store = await openStore(config.store, folder.path, plan.routes, log)
    undo.push(store.close)
    await plan.check(config.routes, store)

    const { workers } = config.broker
    await awaitOldWorkers(folder.path)
    let broker: Broker | null = null
    let liveness: Liveness | null = null
    let console: Awaited<ReturnType<typeof createConsole>> | null = null
    const failures: { [part: string]: Check } = {}
    const failed = (part: string, error: Error) => {
      log.error({ err: error, part }, 'stopped working')
      failures[part] = { ok: false, detail: error.message }
      onFailed(error)
    }
    const notifiers = await createNotifiers({
      config: config.alerts.notifiers,
      folder: folder.path,
      // It waits its turn until the broker is there: what is not told is tried again.
      async publish(topic, payload, options) {
        if (broker === null) throw new Error('the broker is not there yet')
        await broker.publish(topic, payload, options)
      },
      statusOf: (name) => liveness?.device(name) ?? null,
      publicUrl: config.alerts.publicUrl,
      chartOf: chartsOf(store, config.alerts.rules, (channel) => unitOf(plan.routes(), channel)),
      counters,
      log,
    })
    undo.push(notifiers.close)
    const pipeline = await openPipeline({
      alerts: { config: config.alerts, notify: notifiers.notify, kept: notifiers.kept },
      folder: folder.path,
      log,
      store,
      plan,
      counters,
      bytesMax: config.journal.bytesMax,
      workers,
      releasePart(part, position) {
        broker?.releasePart(part, position)
        return part <= workers
      },
      onReadings: (readings) => console?.readings(readings),
      onChange: (change) => console?.change(change),
      expected: () => broker?.expectedDevices() ?? [],
      onReleased: (hasRoom) => broker?.room(hasRoom),
      onFailed: failed,
    })
    undo.push(pipeline.close)
    const { journal, whole, ingest, balance } = pipeline
    liveness = pipeline.liveness
    const { parts } = whole

    let sources: RunningSource[] = []
    const checks = (): { [name: string]: Check } => {
      const { state, detail } = journalStatus(whole, broker?.workers() ?? [])
      const delivery = ingest.storeState()
      const healthy = { ok: true, detail: '' }
      return {
        broker: healthy,
        journal: { ok: state === 'ok', detail },
        ingest: healthy,
        liveness: healthy,
        store: { ok: delivery.isAvailable, detail: delivery.detail },
        ...Object.fromEntries(sources.map((source) => [`source ${source.name}`, source.check()])),
        ...Object.fromEntries(
          (broker?.workers() ?? []).map(({ part, problem }) => [
            `worker ${part}`,
            { ok: problem === '', detail: problem },
          ]),
        ),
        sessions: { ok: broker?.sessionProblem() == null, detail: broker?.sessionProblem() ?? '' },
        ...failures,
      }
    }

    const entrance = {
      accept: journal.accept,
      abandon: journal.abandon,
      isAccepting: () => journal.status().state !== 'failed',
      nextEpoch,
      counters,
      log,
    }
    const status = topicPattern(config.broker.status)
    const isStatus = (topic: string) => status.match(topic) !== null
    console = await createConsole({
      alerting: () => ({ alerts: pipeline.liveness.alerts, notifiers }),
      ...entrance,
      ...config.http,
      store,
      statuses: pipeline.liveness.devices,
      healthNotRemembered: pipeline.liveness.healthNotRemembered,
      unitOf: (channel) => unitOf(plan.routes(), channel),
      balance,
      journal: () => journalStats(whole, broker?.workers() ?? []),
      quarantine: {
        view: ingest.quarantine,
        preview(entry) {
          const { points, problem, notes } = plan.preview(toRecord(entry), ingest.codecMemory)
          return problem ?? { points, notes }
        },
        replay: (entries) => replayInto(journal, entries),
      },
      openRows: ingest.openRows,
      faults: {
        outages: liveness.outages,
        rejectedAtMs: (device, site) => quarantinedAtMs(ingest.quarantine, plan.deviceOf, device, site),
        everyMsOf: liveness.everyMsOf,
      },
      commands: () => broker?.commands ?? null,
      brokerStats: () => broker?.stats() ?? null,
      checks,
    })
    undo.push(console.close)

    broker = await createBroker({
      ...entrance,
      ...config.broker,
      access: accessOf(config, folder.path),
      folder: folder.path,
      connectionsMax: config.broker.connections,
      // For tests only: they hold for both ways through the broker.
      packets: process.env.DEWPOINT_FAST_LANE === 'off' ? null : journal,
      workers:
        parts === null || workers === 0
          ? null
          : workersOf(parts, workers, folder.path, log.level, () => broker?.room(journal.hasRoom())),
      statusTopic: config.broker.status,
      version: readVersion(),
    })
    undo.push(broker.close)
    pipeline.liveness.begin()
    // Behind the broker, whose start ends all epochs before it.
    sources = config.sources.map((source) => startSource({ ...entrance, source, isStatus }))
    undo.push(() => Promise.all(sources.map((source) => source.close())))

    return {
      broker: broker.addresses,
      reloadCertificate: broker.reloadCertificate,
      http: console.address,
      data: folder.path,
      store: describeStore(config.store, folder.path),
      balance,
      reloads: counters.reloads,
      async setRoutes(routes) {
        await plan.check(routes, store)
        await ingest.setRoutes(routes, configVersion(routes))
        return plan.change(routes)
      },
      reloadDevices: broker.reloadDevices,
      close,
    }
  }
}

function accessOf({ broker: { access } }: Config, folder: string): AccessConfig | null {
  return access === null ? null : { ...access, devices: access.devices ?? devicesFileIn(folder) }
}
