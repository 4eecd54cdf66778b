/**
 * Follows the journal beside ingest, so that a store that is away delays no alert. What it knows is saved with the
 * position it has reached; after a crash it reads on from there. Nothing happens but by a record: while it is quiet and
 * somebody is due, it asks for a tick in the journal.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Clock, steadyClock, systemClock } from '../telemetry/clock.ts'
import type { DeviceName, DeviceStatus } from '../telemetry/device.ts'
import { limits } from '../telemetry/limits.ts'
import { MessageKind, type Record } from '../telemetry/message.ts'
import type { Point } from '../telemetry/point.ts'
import { type AlertsEngine, type AlertsEngineOptions, createAlertsEngine } from './alerts/engine.ts'
import { pointsOf } from './alerts/points.ts'
import { createDevices, type Devices, type DevicesOptions } from './devices.ts'
import { createHealth, type Health } from './health/health.ts'
import { createOutages, type Outage } from './outages.ts'
import { createPace } from './pace.ts'
import { createRoster, type ExpectedDevice } from './roster.ts'
import { loadSaved, savedLines, writeSaved } from './saved.ts'

/** What liveness asks of the journal. An empty chunk: the writer has closed. */
export type LivenessSource = {
  read(): Promise<{ records: Record[]; next: number; damagedBytes: number }>
  close(): Promise<void>
}

export type LivenessOptions = Omit<DevicesOptions, 'saved' | 'graceMs' | 'wantsValues' | 'onSighting'> & {
  openSource: (position: number) => LivenessSource
  /** Puts a tick into the journal. */
  tick: () => Promise<void>
  /** Rules of alerts, and who is told of them. */
  alerts: Pick<AlertsEngineOptions, 'config' | 'notify' | 'counters'> & {
    /** Resolves when what was given to notify() outlives a crash: what is saved here says that it was told. */
    kept?: () => Promise<void>
  }
  /** Changes of alerts, and the health of devices once an hour, to be stored. */
  onPoints: (points: Point[]) => void
  folder: string
  log: Logger
  clock?: Clock
  /** A steady one, by which it is quiet. */
  steady?: Clock
  /** Runs it again and again; answers how to end that. */
  every?: (ms: number, run: () => void) => () => void
  /** Runs it once at that time; answers how to call it off. */
  at?: (timeMs: number, run: () => void) => () => void
  graceMs?: number
  /** Devices that somebody means to have; those never heard are shown as such. */
  expected?: () => Iterable<ExpectedDevice>
  /** savedPosition() has moved on. */
  onSaved: () => void
  onFailed: (error: Error) => void
}

export type Liveness = Pick<Devices, 'everyMsOf' | 'factorsOf' | 'membersOf'> & {
  alerts: Omit<AlertsEngine, 'changed' | 'values' | 'completeness' | 'advance' | 'wasDown' | 'save'>
  /** What is wrong with the device's health, or known of it; null: nothing was heard. */
  health: Health['findings']
  /** Reports whose device's health is not kept, too many devices. */
  healthNotRemembered: Health['notRemembered']
  devices(): DeviceStatus[]
  /** Null: neither heard nor expected. */
  device(name: DeviceName): DeviceStatus | null
  /** When we took nothing, in order of time. */
  outages(): readonly Outage[]
  /** Resolves when everything before the position is known, and what it changed was told. */
  reached(position: number): Promise<void>
  /** Records before this position are not needed after a restart. */
  savedPosition(): number
  /** Begins to tick. The start of the broker stands in the journal. */
  begin(): void
  /** The journal must be closed first. */
  close(): Promise<void>
}

/** How often what is known is saved; a crash costs reading this much of the journal again. */
const saveMs = 5_000
/** One part in so many of the time at most goes to it: 240,000 devices are some hundred milliseconds of work, and 46 MB. */
const saveShare = 50
/** How often the hours of devices' health that are over are told. */
const healthMs = 1_000
/** How often it is looked whether a tick is wanted. */
const watchMs = 500

function everyByTimer(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms)
  return () => clearInterval(timer)
}

/** Longer waits than that are looked at again. */
const timerMsMax = 3_600_000

function atByTimer(timeMs: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.max(0, Math.min(timeMs - Date.now(), timerMsMax)))
  return () => clearTimeout(timer)
}

export async function startLiveness(options: LivenessOptions): Promise<Liveness> {
  const { log, clock = systemClock, steady = steadyClock, every = everyByTimer, at = atByTimer } = options
  const { graceMs = limits.reconnectGraceMs } = options
  const path = join(options.folder, 'liveness.json')
  const begunMs = clock.nowMs()
  const saved = await loadSaved(path, log)
  const health = createHealth({ saved: saved.health, cellOf: () => null })
  const engine: AlertsEngine = createAlertsEngine({
    ...options.alerts,
    saved: saved.alerts,
    onAlert: (alert, atMs) => options.onPoints(pointsOf(alert, atMs, -1)),
    factorsOf: (name) => devices.factorsOf(name),
    membersOf: (factor, name) => devices.membersOf(factor, name),
    log,
  })
  const devices: Devices = createDevices({
    ...options,
    saved,
    graceMs,
    // Health is content with the reports that are looked into for their contracts.
    wantsValues: engine.wantsValues,
    onSighting({ name, values, boot, clockErrorMs }, atMs) {
      engine.values(name, values, atMs)
      health.take(name, { values, boot, clockErrorMs, atMs })
    },
    onChange(change) {
      options.onChange(change)
      engine.changed(change)
    },
  })
  const roster = createRoster(devices, options.expected ?? (() => []), begunMs)
  const outages = createOutages(saved.outages)
  const source = options.openSource(saved.position)
  let position = saved.position
  let savedPosition = saved.position
  let saving: Promise<void> = Promise.resolve()
  let isTicking = false
  let hasBegun = false
  let forgetAlarm = () => {}
  let heardAtMs = steady.nowMs()

  async function save(): Promise<void> {
    if (position === savedPosition) return
    const reached = position
    await writeSaved(
      path,
      savedLines(devices, reached, {
        outages: outages.save(),
        alerts: engine.save(),
        health: health.save(),
      }),
      options.alerts.kept,
    )
    savedPosition = reached
    options.onSaved()
  }
  const pace = createPace(saveShare)
  const saveNow = () => {
    saving = saving
      .then(() => pace.run(save))
      .catch((error) => log.warn({ err: error }, 'device states could not be saved'))
  }
  const saveSoon = () => {
    if (pace.isDue()) saveNow()
  }

  /** Records tell the time as long as they come; a tick is for when none does. One at a time: a full journal takes none. */
  function tickIfDue(): void {
    const dueMs = devices.nextDueMs()
    const quietMs = steady.nowMs() - heardAtMs
    const isDue = dueMs <= clock.nowMs() && quietMs >= watchMs
    const isQuiet = dueMs < Number.POSITIVE_INFINITY && quietMs >= limits.heartbeatMs
    if (isDue || isQuiet) tickNow()
  }

  function tellHealth(): void {
    const points = health.pointsOf()
    if (points.length > 0) options.onPoints(points)
  }

  function tickNow(): void {
    if (isTicking) return
    isTicking = true
    options
      .tick()
      .catch((error) => log.debug({ err: error }, 'the journal takes no tick'))
      .finally(() => {
        isTicking = false
      })
  }

  function take(record: Record): void {
    const atMs = Math.floor(record.receivedAtUs / 1000)
    const beforeMs = engine.nowMs()
    if (record.kind === MessageKind.start && beforeMs > 0) engine.wasDown(beforeMs, atMs)
    outages.take(record)
    devices.take(record)
    engine.advance(atMs)
  }

  /** What is due to alerts is due to the millisecond, so a tick is asked for then. */
  function armAlerts(): void {
    forgetAlarm()
    const dueMs = engine.dueMs()
    if (hasBegun && dueMs !== null) forgetAlarm = at(dueMs, tickNow)
  }

  async function run(): Promise<void> {
    for (;;) {
      const { records, next, damagedBytes } = await source.read()
      if (records.length === 0 && damagedBytes === 0) return
      for (const record of records) take(record)
      armAlerts()
      position = next
      heardAtMs = steady.nowMs()
    }
  }
  const running = run().catch(options.onFailed)
  const stops = [everyByTimer(saveMs, saveSoon)]

  return {
    devices: roster.all,
    device: roster.find,
    everyMsOf: devices.everyMsOf,
    factorsOf: devices.factorsOf,
    membersOf: devices.membersOf,
    outages: outages.all,
    async reached(wanted) {
      while (position < wanted) await sleep(5)
    },
    savedPosition: () => savedPosition,
    alerts: engine,
    health: health.findings,
    healthNotRemembered: health.notRemembered,
    begin() {
      hasBegun = true
      stops.push(every(watchMs, tickIfDue), every(healthMs, tellHealth))
      armAlerts()
    },
    async close() {
      hasBegun = false
      forgetAlarm()
      for (const stop of stops) stop()
      await running
      saveNow()
      await saving
      await source.close()
    },
  }
}
