/** Devices that one connection of a gateway speaks for: what becomes of them when it ends, by its doing or by ours. */
import { beforeEach, expect, test } from 'vitest'
import type { StateChange } from '../telemetry/device.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../telemetry/message.ts'
import { deviceFinder } from '../telemetry/topic.ts'
import { createDevices, type Devices } from './devices.ts'
import { parseSaved, savedLines } from './saved.ts'

const minute = 60_000
const graceMs = 30_000
const startMs = Date.parse('2026-11-24T14:00:00Z')
const deviceOf = deviceFinder(['sensors/{site}/{device}/rainfall'])
const topicOf = (device: string) => `sensors/a/${device}/rainfall`

let devices: Devices
let changes: StateChange[]
let nowMs: number

function create(saved: Parameters<typeof createDevices>[0]['saved']): void {
  devices = createDevices({
    saved,
    deviceOf,
    look: ({ topic }) => ({
      ...{ name: deviceOf(topic) ?? { site: '', device: '' }, nextS: 3600, values: [] },
      ...{ boot: null, sequence: null, clockErrorMs: null },
    }),
    graceMs,
    onChange: (it) => changes.push(it),
  })
}
beforeEach(() => {
  nowMs = startMs
  changes = []
  create({ devices: [], connections: [], time: { lastMs: null, skippedMs: 0 } })
})

function record(message: Message): void {
  devices.take({ ...message, position: nowMs, ordinal: 0, receivedAtUs: nowMs * 1000 } as Record)
}
function quiet(ms: number): void {
  for (const endMs = nowMs + ms; nowMs < endMs; ) {
    nowMs = Math.min(endMs, nowMs + 10_000)
    record(lifeCycle(MessageKind.tick, '', 0, ''))
  }
}
const connect = (epoch: number, client = 'gw-7') =>
  record(
    lifeCycle(MessageKind.connect, client, epoch, '', {
      ...{ address: '10.0.3.7', keepAliveS: 60, clean: true },
    }),
  )
const disconnect = (epoch: number, reason: string) =>
  record(lifeCycle(MessageKind.disconnect, 'gw-7', epoch, '', { reason }))
const report = (device: string, epoch: number, client = 'gw-7') =>
  record(lifeCycle(MessageKind.publish, client, epoch, topicOf(device)))
const states = () => Object.fromEntries([...devices.all()].map((it) => [it.device, it.state]))

/** Through gateway 7 each has said that it reports once an hour. */
function heardOnce(): void {
  connect(1)
  report('x', 1)
  report('y', 1)
}

test.each(['restart', 'worker'])(
  'devices that sleep stay well when their gateway is back within the grace after our %s',
  (how) => {
    heardOnce()
    quiet(minute)
    if (how === 'worker') disconnect(1, 'worker')
    else {
      create(parseSaved([...savedLines(devices, 0)].join('')))
      record(lifeCycle(MessageKind.start, '', 0, ''))
    }
    quiet(graceMs / 2)
    connect(2)
    quiet(50 * minute)
    expect(states()).toEqual({ x: 'online', y: 'online' })
    disconnect(2, 'closed')
    expect(states()).toEqual({ x: 'offline', y: 'offline' })
  },
)

test('devices that were waited for when we ended again come back with their gateway', () => {
  heardOnce()
  disconnect(1, 'worker')
  create(parseSaved([...savedLines(devices, 0)].join('')))
  connect(2)
  quiet(10 * minute)
  expect(states()).toEqual({ x: 'online', y: 'online' })
})

test('devices are offline with an alert when their gateway does not come back after our restart', () => {
  heardOnce()
  record(lifeCycle(MessageKind.start, '', 0, ''))
  connect(2, 'gw-8')
  quiet(2 * graceMs)
  expect(states()).toEqual({ x: 'offline', y: 'offline' })
  expect(changes.every(({ state, isAlerting }) => state !== 'offline' || isAlerting)).toBe(true)
})

test('device that has moved to another gateway is not taken back by the one before', () => {
  heardOnce()
  quiet(minute)
  record(lifeCycle(MessageKind.start, '', 0, ''))
  connect(2, 'gw-8')
  report('x', 2, 'gw-8')
  connect(3)
  disconnect(3, 'closed')
  expect(states()).toEqual({ x: 'online', y: 'offline' })
})

test('device that is silent is lost in time though its gateway connects again and again', () => {
  heardOnce()
  for (let epoch = 2; epoch <= 10; epoch++) {
    quiet(30 * minute)
    connect(epoch)
    report('y', epoch)
  }
  expect(states()).toEqual({ x: 'lost', y: 'online' })
})

test('device that is lost stays so when the connection of its gateway breaks', () => {
  heardOnce()
  quiet(4 * 60 * minute)
  expect(states()).toEqual({ x: 'lost', y: 'lost' })
  const before = changes.length
  disconnect(1, 'closed')
  quiet(minute)
  expect(changes).toHaveLength(before)
})
