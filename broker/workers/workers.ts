/**
 * Workers: child processes that carry the connections, each with a part of the journal. Here they are started, given
 * sockets, and replaced when they end. A device whose worker ended gets time to come back, as after a restart of ours.
 */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'aedes'
import type { Logger } from 'pino'
import { type Counters, count, createCounters, type TrafficCounters } from '../../telemetry/counters.ts'
import type { RefusalCode } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import type { JournalEnd } from '../../telemetry/message.ts'
import { numbers, type WorkerTold } from './bodies.ts'
import { FrameKind } from './frames.ts'
import type { GateSetup } from './gate.ts'
import { createWorker, type Worker, type WorkerEvents, type WorkerProcess } from './worker.ts'

export type WorkersOptions = {
  /** At least 1. Their parts are numbered from 1 on. */
  count: number
  start(part: number, setup: GateSetup): WorkerProcess
  /** Up to where the part is known; asked before its worker is started. */
  endOf(part: number): JournalEnd
  /** The part is durable up to there. In the order in which parts grow. */
  partGrew(part: number, end: JournalEnd): void
  /** The worker ended: what its part holds, for good. */
  recoverPart(part: number): Promise<JournalEnd>
}

export type WorkersEvents = Pick<WorkerEvents, 'connected' | 'alive'> & {
  rate(client: Client, body: Buffer): void
}

export type Workers = {
  count: number
  /** Resolves when each worker is ready, or has ended already and is started again. */
  open(setup: GateSetup): Promise<void>
  /** `left`: called once, when the connection is gone. */
  hand(socket: Socket, listener: number, left: () => void): void
  /** Resolves when no worker takes a message by itself that the filter matches. */
  heard(filter: string): Promise<unknown>
  release(part: number, position: number): void
  /** Whether the journal has room for readings; it has when nothing was said. */
  room(hasRoom: boolean): void
  reloadCertificate(ticketKeys: Buffer): void
  status(): WorkerStatus[]
  close(): Promise<void>
}

export type WorkerStatus = {
  part: number
  connections: number
  /** Empty: it works. */
  problem: string
  starts: number
  /** As it told last; null: not yet. */
  journal: WorkerTold['journal'] | null
  /** Why its part of the journal takes nothing now; empty: it does. */
  full: string
}

type Place = {
  part: number
  worker: Worker | null
  isReady: boolean
  failed: string
  starts: number
  ordinal: number
  journal: WorkerTold['journal'] | null
  full: string
  process: WorkerProcess | null
  ended: Promise<void>
}

export function createWorkers(
  { count: number, start, endOf, partGrew, recoverPart }: WorkersOptions,
  events: WorkersEvents,
  counters: Counters,
  log: Logger,
): Workers {
  const places: Place[] = []
  /** Connections that came while no worker was there. */
  const waiting = new Set<{ socket: Socket; listener: number; left: () => void; timer: NodeJS.Timeout }>()
  let setup: GateSetup | null = null
  let hasRoom = true
  let isClosing = false

  const live = () => places.filter(({ worker, isReady, failed }) => worker !== null && isReady && failed === '')

  function grew(place: Place, end: JournalEnd): void {
    counters.received += Math.max(0, end.ordinal - place.ordinal)
    place.ordinal = end.ordinal
    partGrew(place.part, end)
  }

  /** Resolves when the worker is ready or has ended. */
  function begin(place: Place): Promise<void> {
    const { part } = place
    return new Promise((resolve) => {
      const startedAtMs = performance.now()
      const process = start(part, setup as GateSetup)
      const add = createSums(counters)
      const worker = createWorker(process, {
        ...events,
        ready(end) {
          grew(place, end)
          place.isReady = true
          if (!hasRoom) worker.send(FrameKind.room, numbers(0))
          log.info({ worker: part }, 'worker is ready')
          for (const it of [...waiting]) letIn(it)
          resolve()
        },
        grew: (end) => grew(place, end),
        failed(detail) {
          log.error({ worker: part, detail }, 'the journal of a worker failed: it gets no more connections')
          place.failed = detail
          worker.loseConnections()
        },
        told(told) {
          place.journal = told.journal
          place.full = told.full
          add(told)
        },
      })
      Object.assign(place, { worker, process, isReady: false, starts: place.starts + 1 })
      place.ended = process.ended.then(async (why) => {
        place.isReady = false
        if (!isClosing) log.error({ worker: part, why, connections: worker.size() }, 'worker ended')
        await recoverPart(part).then(
          (end) => grew(place, end),
          (error) => {
            place.failed = `its journal cannot be opened: ${(error as Error).message}`
            log.error({ worker: part, err: error }, 'the journal of a worker cannot be opened')
          },
        )
        place.worker = null
        worker.over()
        resolve()
        if (!isClosing && place.failed === '') again(place, performance.now() - startedAtMs)
      })
    })
  }

  const backoffMs = new Map<number, number>()
  function again(place: Place, livedMs: number): void {
    const before = backoffMs.get(place.part) ?? 0
    const waitMs =
      livedMs >= limits.workerSteadyMs
        ? limits.workerBackoffMsMin
        : Math.min(limits.workerBackoffMsMax, Math.max(limits.workerBackoffMsMin, 2 * before))
    backoffMs.set(place.part, waitMs)
    setTimeout(() => {
      if (!isClosing) begin(place)
    }, waitMs).unref()
  }

  function refuse(socket: Socket, left: () => void, code: RefusalCode): void {
    count(counters.refused, code)
    socket.destroy()
    left()
  }
  function letIn(it: { socket: Socket; listener: number; left: () => void; timer: NodeJS.Timeout }): void {
    clearTimeout(it.timer)
    waiting.delete(it)
    hand(it.socket, it.listener, it.left)
  }
  function hand(socket: Socket, listener: number, left: () => void): void {
    let best: Worker | null = null
    for (const { worker } of live()) if (best === null || (worker as Worker).size() < best.size()) best = worker
    if (best !== null) return void best.hand(socket, listener, left)
    if (isClosing || places.every(({ failed }) => failed !== '')) return void refuse(socket, left, 'not_accepting')
    const timer = setTimeout(() => {
      waiting.delete(it)
      refuse(socket, left, 'not_accepting')
    }, limits.connectTimeoutMs)
    const it = { socket, listener, left, timer }
    waiting.add(it)
  }

  return {
    count: number,
    async open(given) {
      setup = given
      for (let part = 1; part <= number; part++) {
        const { ordinal } = endOf(part)
        const ended = Promise.resolve()
        const none = { worker: null, process: null, journal: null, full: '', isReady: false, failed: '', starts: 0 }
        places.push({ part, ordinal, ended, ...none })
      }
      await Promise.all(places.map(begin))
    },
    hand,
    // Who is not ready has no connections, and so no grants.
    heard: (filter) => Promise.all(places.map(({ worker, isReady }) => (isReady ? worker?.heard(filter) : null))),
    release: (part, position) => places[part - 1]?.worker?.send(FrameKind.release, numbers(position)),
    room(has) {
      if (has === hasRoom) return
      hasRoom = has
      for (const { worker } of places) worker?.send(FrameKind.room, numbers(has ? 1 : 0))
    },
    reloadCertificate(ticketKeys) {
      if (setup !== null) setup = { ...setup, ticketKeys: ticketKeys.toString('base64') }
      for (const { worker } of places) worker?.send(FrameKind.reloadCertificate, ticketKeys)
    },
    status: () =>
      places.map(({ part, worker, isReady, failed, starts, journal, full }) => ({
        part,
        connections: worker?.size() ?? 0,
        problem: failed !== '' ? failed : isReady ? '' : 'is being started',
        starts,
        journal,
        full: isReady ? full : '',
      })),
    async close() {
      isClosing = true
      for (const { socket, left } of waiting) refuse(socket, left, 'not_accepting')
      for (const { worker } of places) worker?.send(FrameKind.stop)
      const all = Promise.all(places.map(({ ended }) => ended))
      const isDone = await Promise.race([all.then(() => true), sleep(limits.workerEndMsMax, false, { ref: false })])
      if (!isDone) for (const { process } of places) process?.kill()
      await all
    },
  }
}

const trafficKeys = Object.keys(createCounters().mqtt.sent) as Array<keyof TrafficCounters>

/** What a worker counted, of which it tells the sums, is added as it grows. */
function createSums(counters: Counters): (told: WorkerTold) => void {
  const { received, sent } = createCounters().mqtt
  let before: Omit<WorkerTold, 'journal' | 'full'> = {
    refused: {},
    refusedReadings: 0,
    subscriberClosed: 0,
    mqtt: { received, sent },
  }
  return (told) => {
    const refusedReadings = told.refusedReadings - before.refusedReadings
    // They are in no journal, which tells of all others.
    counters.received += refusedReadings
    counters.refusedReadings += refusedReadings
    counters.subscriberClosed += told.subscriberClosed - before.subscriberClosed
    for (const way of ['received', 'sent'] as const) {
      for (const what of trafficKeys) counters.mqtt[way][what] += told.mqtt[way][what] - before.mqtt[way][what]
    }
    for (const [code, sum] of Object.entries(told.refused)) {
      const known = code as RefusalCode
      counters.refused[known] = (counters.refused[known] ?? 0) + sum - (before.refused[code] ?? 0)
    }
    before = told
  }
}
