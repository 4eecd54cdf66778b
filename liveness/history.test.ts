/** One journal gives one history: read at once, or in pieces with restarts from saved files in between. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { type DeviceName, deviceKey, type StateChange } from '../telemetry/device.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../telemetry/message.ts'
import { deviceFinder } from '../telemetry/topic.ts'
import { createDevices, type Devices } from './devices.ts'
import { startLiveness } from './liveness.ts'
import { parseSaved, savedLines } from './saved.ts'

const deviceOf = deviceFinder(['sensors/{site}/{device}/rainfall', 'sensors/{site}/{device}/status'])
const look = (record: Record) => ({
  name: deviceOf(record.topic) as DeviceName,
  ...(JSON.parse(record.payload.toString()) as { nextS: number | null }),
  ...{ values: [], boot: null, sequence: null, clockErrorMs: null },
})
const startMs = Date.parse('2026-11-24T00:00:00Z')

function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** A journal of devices of all kinds, of storms, restarts, ends of workers, leaps of the clock and quiet. */
function history(random: (below: number) => number, count: number): Record[] {
  const records: Record[] = []
  const epochs = new Map<number, number>()
  let nowMs = startMs
  let lastEpoch = 0
  const say = (message: Message, payload?: string) => {
    nowMs += random(3)
    const position = records.length
    const told = payload === undefined ? message : { ...message, payload: Buffer.from(payload) }
    records.push({ ...told, position, ordinal: 0, receivedAtUs: nowMs * 1000 + position } as Record)
  }
  while (records.length < count) {
    const i = random(12)
    const client = i < 9 ? `d${i}` : i === 9 ? 'source:plant' : i === 10 ? 'http' : 'gateway'
    const device = i === 11 ? `g${random(5)}` : `d${i}`
    const topic = `sensors/s/${device}`
    const epoch = epochs.get(i) ?? 0
    const nextS = i % 3 === 0 ? 30 + 60 * random(20) : null
    const act = random(20)
    if (act < 10) {
      if (epoch === 0) {
        epochs.set(i, ++lastEpoch)
        const willTopic = i % 2 === 0 ? `${topic}/status` : undefined
        say(
          lifeCycle(MessageKind.connect, client, lastEpoch, '', {
            address: '10.0.0.1',
            keepAliveS: 9,
            clean: true,
            willTopic,
          }),
        )
      }
      for (let more = random(3); more >= 0; more--)
        say(
          lifeCycle(MessageKind.publish, client, epochs.get(i) as number, `${topic}/rainfall`),
          JSON.stringify({ nextS }),
        )
    } else if (act < 15 && epoch > 0) {
      const reason = ['client', 'client', 'closed', 'keepalive', 'replaced', 'worker'][random(6)]
      say(lifeCycle(MessageKind.disconnect, client, epoch, '', { reason }))
      epochs.delete(i)
    } else if (act === 15) say(lifeCycle(MessageKind.will, client, epoch, `${topic}/status`))
    else if (act === 16)
      say(lifeCycle(MessageKind.publish, client, lastEpoch, `${topic}/rainfall`), JSON.stringify({ nextS }))
    else if (act === 17 && random(10) === 0) {
      nowMs += random(100_000)
      say(lifeCycle(MessageKind.start, '', 0, ''))
      epochs.clear()
    } else if (act === 18 && random(20) === 0) nowMs += 3_600_000
    // Quiet, with a tick at least every heartbeat, as the running program has it.
    for (let ticks = random(30) === 0 ? random(400) : random(4); ticks > 0; ticks--) {
      nowMs += random(10_000)
      say(lifeCycle(MessageKind.tick, '', 0, ''))
    }
  }
  return records
}

test('history is the same when it is read at once, and with restarts from files that were saved while it was read', () => {
  const seed = Date.now() % 1_000_000
  const random = createRandom(seed)
  for (let round = 0; round < 5; round++) {
    const records = history(random, 6_000)
    const told = (changes: StateChange[]) => changes.map((it) => JSON.stringify(it)).toSorted()
    const empty = { devices: [], connections: [], time: { lastMs: null, skippedMs: 0 } }
    const atOnce: StateChange[] = []
    const whole = createDevices({ saved: empty, deviceOf, look, graceMs: 30_000, onChange: (it) => atOnce.push(it) })
    for (const record of records) whole.take(record)

    const inPieces = new Set<string>()
    const start = (saved: Parameters<typeof createDevices>[0]['saved']): Devices =>
      createDevices({ saved, deviceOf, look, graceMs: 30_000, onChange: (it) => inPieces.add(JSON.stringify(it)) })
    let devices = start(empty)
    for (let at = 0; at < records.length; ) {
      const savedAt = Math.min(at + random(500), records.length)
      for (; at < savedAt; at++) devices.take(records[at] as Record)
      // The file is written while it goes on, and the crash costs what was read since.
      const lines: string[] = []
      for (const line of savedLines(devices, at)) {
        lines.push(line)
        for (let more = random(40); more > 0 && at < records.length; more--, at++) devices.take(records[at] as Record)
      }
      if (at >= records.length) break
      const saved = parseSaved(lines.join(''))
      devices = start(saved)
      at = saved.position
    }
    const states = new Set(atOnce.map(({ state }) => state))
    expect([...states].toSorted(), `seed ${seed}`).toEqual(['asleep', 'late', 'lost', 'offline', 'online'])
    expect([...inPieces].toSorted(), `seed ${seed}`).toEqual(told(atOnce))
    const statuses = (of: Devices) =>
      [...of.all()].map(of.status).toSorted((a, b) => (deviceKey(a) < deviceKey(b) ? -1 : 1))
    expect(statuses(devices), `seed ${seed}`).toEqual(statuses(whole))
    // Nothing is told of a time that has passed.
    const times = atOnce.map(({ atUs }) => atUs)
    expect(times, `seed ${seed}`).toEqual(times.toSorted((a, b) => a - b))
  }
})

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'liveness-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A journal in memory. */
function createJournal(records: Record[] = []) {
  let wake = () => {}
  let isClosed = false
  return {
    records,
    close() {
      isClosed = true
      wake()
    },
    async accept(message: Message, atMs = Date.now()): Promise<void> {
      records.push({ ...message, position: records.length, ordinal: 0, receivedAtUs: atMs * 1000 })
      wake()
    },
    openSource: (position: number) => ({
      async read() {
        while (position === records.length && !isClosed)
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        const found = records.slice(position)
        position = records.length
        return { records: found, next: position, damagedBytes: 0 }
      },
      close: async () => {},
    }),
  }
}

const log = pino({ level: 'silent' })

test('liveness ticks when it is quiet and somebody is due, and a replay tells the same', async () => {
  const journal = createJournal()
  const changes: StateChange[] = []
  const common = {
    deviceOf,
    log,
    graceMs: 200,
    alerts: { config: { rules: [], notifiers: [], maintenance: [] }, notify: () => {}, counters: createCounters() },
    onPoints: () => {},
    onSaved: () => {},
    onFailed: (error: Error) => expect.unreachable(String(error)),
  }
  const live = await startLiveness({
    ...common,
    folder,
    openSource: journal.openSource,
    tick: () => journal.accept(lifeCycle(MessageKind.tick, '', 0, '')),
    expected: () => [
      { site: 's', device: 'd' },
      { site: 's', device: 'new' },
    ],
    onChange: (it) => changes.push(it),
  })
  const connect = { address: '', keepAliveS: 9, clean: true, willTopic: 'sensors/s/d/status' }
  await journal.accept(lifeCycle(MessageKind.connect, 'd', 1, '', connect))
  await journal.accept(lifeCycle(MessageKind.start, '', 0, ''))
  live.begin()
  await vi.waitFor(() => expect(live.device({ site: 's', device: 'd' })?.state).toBe('offline'), { timeout: 5_000 })
  expect(journal.records.filter(({ kind }) => kind === MessageKind.tick)).toHaveLength(1)
  expect(live.devices().map(({ device, state }) => [device, state])).toEqual([
    ['d', 'offline'],
    ['new', 'never-seen'],
  ])
  expect(live.device({ site: 's', device: 'other' })).toBeNull()
  journal.close()
  await live.close()

  const again: StateChange[] = []
  const other = await mkdtemp(join(folder, 'replay-'))
  const replay = await startLiveness({
    ...common,
    folder: other,
    openSource: createJournal(journal.records).openSource,
    tick: async () => {},
    onChange: (it) => again.push(it),
  })
  await replay.reached(journal.records.length)
  expect(again).toEqual(changes)
  expect(again.map(({ state }) => state)).toEqual(['online', 'offline'])

  const restored = await startLiveness({
    ...common,
    folder,
    openSource: journal.openSource,
    tick: async () => {},
    onChange: () => {},
  })
  expect(restored.savedPosition()).toBe(journal.records.length)
  expect(restored.device({ site: 's', device: 'd' })).toEqual(replay.device({ site: 's', device: 'd' }))
  await restored.close()
}, 15_000)
