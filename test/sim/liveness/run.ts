/**
 * The true liveness stage over a simulated fleet in virtual time:
 *
 *     incidents ─▶ fleet ─records─▶ liveness ─▶ changes of state, notifications ─▶ truth
 *                    └── server's clock, which somebody sets; its downtime: liveness is closed, and opened again from its file
 *
 * It reads records as it reads the journal's, one instant at a time, so that what it says is held against the truth of that instant. The
 * ticks are those that it asks for.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pino } from 'pino'
import { createRandom, memberSeed } from '../../../devices-sim/random.ts'
import { createVirtualClock } from '../../../devices-sim/sim-clock.ts'
import { type Liveness, startLiveness } from '../../../liveness/liveness.ts'
import type { AlertRule } from '../../../telemetry/alert.ts'
import { createCounters } from '../../../telemetry/counters.ts'
import type { DeviceName } from '../../../telemetry/device.ts'
import { limits } from '../../../telemetry/limits.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../../../telemetry/message.ts'
import { statusTopic } from '../../../telemetry/schema.ts'
import type { Look } from '../../../telemetry/sighting.ts'
import { deviceFinder } from '../../../telemetry/topic.ts'
import { createFleet, hourMs, minuteMs } from './fleet.ts'
import { planIncidents } from './incidents.ts'
import { createTimers } from './timers.ts'
import { createTruth, type Verdict } from './truth.ts'
import { createWorld } from './world.ts'

export type SimOptions = {
  seed: number
  devices: number
  days: number
  busy: number
  isMixed?: boolean
  /** The journal says nothing of our restarts: for the test that the check sees it. */
  hidesRestarts?: boolean
  onDay?: (day: number) => void
}
export type SimResult = Verdict & {
  records: number
  reports: number
  serverOutages: number
  clockJumps: number
  tookS: number
}

/** Of the server. */
const perMonth = { outage: 8, jump: 6 }
const startMs = Date.UTC(2026, 2, 1)
const dayMs = 24 * hourMs
/** The machine gets a turn after so many instants. */
const instantsPerTurn = 20_000

/** What an installation without rules of its own has. */
const rule: AlertRule = {
  name: 'device-offline',
  condition: { kind: 'state', states: ['offline', 'lost'] },
  ...{ site: '', device: '', forMs: 0, severity: 'warning', labels: {}, schedule: null },
  ...{ notify: ['ops'], escalate: null, remindMs: null },
}

export async function simulateLiveness({
  seed,
  devices: count,
  days,
  busy,
  isMixed = false,
  hidesRestarts = false,
  onDay,
}: SimOptions): Promise<SimResult> {
  const begunMs = performance.now()
  const folder = await mkdtemp(join(tmpdir(), 'dewpoint-liveness-sim-'))
  const clock = createVirtualClock(startMs)
  const endMs = startMs + days * dayMs
  const random = createRandom(memberSeed(seed, 1_000_000))
  const sites = createFleet(seed, count, isMixed)
  const truth = createTruth(sites.flatMap(({ devices }) => devices))

  const queue: Record[] = []
  let offsetMs = 0
  let lastUs = 0
  let position = 0
  let reports = 0
  const wallMs = () => clock.nowMs() + offsetMs
  function write(message: Message): void {
    lastUs = Math.max(lastUs + 1, wallMs() * 1000)
    if (hidesRestarts && message.kind === MessageKind.start) return
    if (message.kind === MessageKind.publish) reports++
    queue.push({ ...message, position: position++, ordinal: reports, receivedAtUs: lastUs })
  }

  const deviceOf = deviceFinder([statusTopic, 'sensors/{site}/{device}/rainfall'])
  const look: Look = ({ topic, payload }) => {
    const { next } = JSON.parse(payload.toString()) as { next: number }
    const facts = { boot: null, sequence: null, clockErrorMs: null, values: [] }
    return { name: deviceOf(topic) as DeviceName, nextS: next === 0 ? null : next, ...facts }
  }

  const world = createWorld({ clock, sites, truth, write })
  planIncidents({ clock, sites, truth, world, random, startMs, endMs, busy })

  function times(rate: number): number[] {
    const meanMs = (30 * dayMs) / (rate * busy)
    const found: number[] = []
    for (
      let atMs = startMs + dayMs + random.exponential(meanMs);
      atMs < endMs - dayMs;
      atMs += random.exponential(meanMs)
    )
      found.push(Math.round(atMs))
    return found
  }
  const jumps = times(perMonth.jump)
  for (const atMs of jumps) clock.at(atMs, () => jump(random.fraction()))
  /** Set forward by up to two hours, or back by up to ten minutes, in which the journal's time stands still. */
  function jump(kind: number): void {
    const byMs = Math.round(kind < 0.5 ? random.between(1_000, 2 * hourMs) : random.between(-10 * minuteMs, -1_000))
    offsetMs += byMs
    const nowMs = clock.nowMs()
    const standsMs = lastUs / 1000 - wallMs()
    if (byMs > limits.unwitnessedMsMax / 2) truth.excuse(nowMs, nowMs + limits.reconnectGraceMs)
    else if (standsMs > 0) truth.excuse(nowMs, nowMs + standsMs)
  }

  const timers = createTimers(clock, () => offsetMs)
  let instants = 0
  let turns = 0
  let day = 0

  /** One life of the server. */
  async function live(toMs: number): Promise<void> {
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    let failure: Error | null = null
    const liveness: Liveness = await startLiveness({
      openSource: () => ({
        async read() {
          // As many turns as the stage needs to know that its tick was taken.
          for (; turns > 0; turns--) await null
          while (queue.length === 0 && clock.nowMs() < toMs) timers.step(toMs)
          if (++instants % instantsPerTurn === 0) {
            await nextTurn()
            for (; clock.nowMs() >= startMs + (day + 1) * dayMs; day++) onDay?.(day + 1)
          }
          const records = queue.splice(0)
          if (records.length === 0) end()
          return { records, next: position, damagedBytes: 0 }
        },
        close: async () => {},
      }),
      async tick() {
        turns = 4
        write(lifeCycle(MessageKind.tick, '', 0, ''))
      },
      deviceOf,
      look,
      folder,
      log: pino({ enabled: false }),
      clock: { nowMs: wallMs },
      steady: { nowMs: clock.nowMs },
      every: timers.every,
      at: timers.at,
      alerts: {
        config: { rules: [rule], notifiers: [], maintenance: [] },
        counters: createCounters(),
        notify(_to, { kind, alert }) {
          if (kind === 'fired') truth.told(alert, clock.nowMs())
        },
      },
      onPoints: () => {},
      onChange: (change) => truth.changed(change, clock.nowMs()),
      onSaved: () => {},
      onFailed(error) {
        failure = error
        end()
      },
    })
    liveness.begin()
    await ended
    await liveness.close()
    if (failure !== null) throw failure
  }

  const outages = times(perMonth.outage)
  try {
    world.start()
    for (const downMs of [...outages, endMs]) {
      if (downMs < clock.nowMs()) continue
      world.serverUp()
      await live(downMs)
      if (downMs === endMs) break
      world.serverDown()
      const upMs = Math.min(endMs - 1, Math.round(downMs + random.between(5_000, 3 * hourMs)))
      truth.excuse(downMs, upMs + limits.reconnectGraceMs)
      clock.runUntil(upMs)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const tookS = (performance.now() - begunMs) / 1000
  return {
    ...truth.finish(endMs),
    records: position,
    reports,
    serverOutages: outages.length,
    clockJumps: jumps.length,
    tookS,
  }
}
