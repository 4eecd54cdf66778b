/**
 * Follows the journal beside ingest, so that a store that is away delays no alert. What it knows is saved with the
 * position it has reached; after a crash it reads on from there.
 */
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Clock, steadyClock, systemClock } from '../telemetry/clock.ts'
import type { DeviceName, DeviceStatus, StateChange } from '../telemetry/device.ts'
import { limits } from '../telemetry/limits.ts'
import type { Record } from '../telemetry/message.ts'
import { type Alerts, createAlerts, type Publish } from './alerts.ts'
import { createDevices, type Device } from './devices.ts'
import { createPace } from './pace.ts'

/** What liveness asks of the journal. An empty chunk: the writer has closed. */
export type LivenessSource = {
  read(): Promise<{ records: Record[]; next: number; damagedBytes: number }>
  close(): Promise<void>
}

export type LivenessOptions = {
  openSource: (position: number) => LivenessSource
  deviceOf: (topic: string) => DeviceName | null
  folder: string
  log: Logger
  clock?: Clock
  /** A steady one, for the grace. */
  steady?: Clock
  /** Runs it again and again; answers how to end that. */
  every?: (ms: number, run: () => void) => () => void
  graceMs?: number
  onChange: (change: StateChange) => void
  /** savedPosition() has moved on. */
  onSaved: () => void
  onFailed: (error: Error) => void
}

export type Liveness = {
  devices(): DeviceStatus[]
  /** Resolves when everything before the position is known, and what it changed was told. */
  reached(position: number): Promise<void>
  /** Records before this position are not needed after a restart. */
  savedPosition(): number
  /** Begins to publish alerts; those that stand are published at once. */
  publishWith(publish: Publish): void
  /** The journal must be closed first. */
  close(): Promise<void>
}

type Saved = { position: number; devices: Device[]; connections: Array<[client: string, epoch: number]> }

/** How often what is known is saved; a crash costs reading this much of the journal again. */
const saveMs = 5_000
/** One part in so many of the time at most goes to it: 240,000 devices are some hundred milliseconds of work, and 46 MB. */
const saveShare = 50
const expireMs = 1_000

function everyByTimer(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms)
  return () => clearInterval(timer)
}

export async function startLiveness(options: LivenessOptions): Promise<Liveness> {
  const { log, clock = systemClock, steady = steadyClock, every = everyByTimer } = options
  const { graceMs = limits.reconnectGraceMs } = options
  const path = join(options.folder, 'liveness.json')
  const saved = await load(path, log)
  const alerts: Alerts = createAlerts(log)
  const devices = createDevices(
    saved.devices,
    saved.connections,
    options.deviceOf,
    steady,
    graceMs,
    (change, device) => {
      options.onChange(change)
      alerts.changed(device)
    },
  )
  const source = options.openSource(saved.position)
  let position = saved.position
  let savedPosition = saved.position
  let saving: Promise<void> = Promise.resolve()

  async function save(): Promise<void> {
    if (position === savedPosition) return
    const text = JSON.stringify({
      position,
      devices: [...devices.all()],
      connections: devices.connections(),
    } satisfies Saved)
    const reached = position
    const file = await open(`${path}.new`, 'w')
    // Segments are released on the strength of this file: a power cut must not leave it empty.
    await file
      .writeFile(text)
      .then(() => file.datasync())
      .finally(() => file.close())
    await rename(`${path}.new`, path)
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

  async function run(): Promise<void> {
    for (;;) {
      const { records, next, damagedBytes } = await source.read()
      if (records.length === 0 && damagedBytes === 0) return
      for (const record of records) devices.take(record)
      position = next
    }
  }
  const running = run().catch(options.onFailed)
  const stops = [everyByTimer(saveMs, saveSoon), every(expireMs, () => devices.expire(clock.nowMs()))]

  return {
    devices: () => [...devices.all()].map(({ epoch: _epoch, awaitedUntilMs: _awaited, ...status }) => status),
    async reached(wanted) {
      while (position < wanted) await sleep(5)
    },
    savedPosition: () => savedPosition,
    publishWith(publish) {
      alerts.publishWith(publish)
      for (const device of devices.all()) if (device.isAlerting) alerts.changed(device)
    },
    async close() {
      for (const stop of stops) stop()
      await running
      saveNow()
      await saving
      await source.close()
    },
  }
}

/** Without a readable file everything is learned again from the journal and from what devices say next. */
async function load(path: string, log: Logger): Promise<Saved> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Saved
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ err: error, path }, 'device states are unreadable')
    return { position: 0, devices: [], connections: [] }
  }
}
