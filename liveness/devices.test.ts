import { beforeEach, expect, test } from 'vitest'
import type { StateChange } from '../telemetry/device.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../telemetry/message.ts'
import { statusTopic } from '../telemetry/schema.ts'
import { deviceFinder } from '../telemetry/topic.ts'
import { createDevices, type Devices } from './devices.ts'
import { parseSaved, savedLines } from './saved.ts'
import type { KnownDevice } from './states/known-device.ts'

const status = 'sensors/a/b/status'
const graceMs = 30_000
let devices: Devices
let changes: StateChange[]
let nowMs: number

const deviceOf = deviceFinder([statusTopic, 'sensors/{site}/{device}/rainfall'])
const nothing = { position: 0, devices: [], connections: [], time: { lastMs: null, skippedMs: 0 } }
function create(saved = parseSaved(JSON.stringify({ version: 2, ...nothing }))): void {
  changes = []
  devices = createDevices({ saved, deviceOf, graceMs, onChange: (it) => changes.push(it) })
}
/** As after a restart: with what the file holds. */
const restore = () => create(parseSaved([...savedLines(devices, 0)].join('')))
beforeEach(() => {
  nowMs = 1_700_000_000_000
  create()
})

function record(message: Message): void {
  devices.take({ ...message, position: nowMs, ordinal: 0, receivedAtUs: nowMs * 1000 } as Record)
}
function take(message: Message): void {
  nowMs += 1000
  record(message)
}
/** Nothing comes but ticks. */
function quiet(ms: number): void {
  for (const endMs = nowMs + ms; nowMs < endMs; ) {
    nowMs = Math.min(endMs, nowMs + 10_000)
    record(lifeCycle(MessageKind.tick, '', 0, ''))
  }
}
const connect = (epoch: number, willTopic?: string, client = 'c') =>
  take(lifeCycle(MessageKind.connect, client, epoch, '', { address: '', keepAliveS: 60, clean: true, willTopic }))
const disconnect = (epoch: number, reason: string, client = 'c') =>
  take(lifeCycle(MessageKind.disconnect, client, epoch, '', { reason }))
const publish = (epoch: number, topic = 'sensors/a/b/rainfall', client = 'c') =>
  take(lifeCycle(MessageKind.publish, client, epoch, topic))
const will = (epoch: number) => take(lifeCycle(MessageKind.will, 'c', epoch, status))
const only = () => [...devices.all()][0] as KnownDevice

test('device is online when a connection with its will topic begins, and offline with an alert when that breaks', () => {
  connect(1, status)
  expect(only()).toMatchObject({ site: 'a', device: 'b', state: 'online', isAlerting: false, sinceMs: nowMs })
  will(1)
  expect(only().state).toBe('online')
  disconnect(1, 'closed')
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true, sinceMs: nowMs })
  expect(only().why).toContain('without a DISCONNECT')
  expect(changes.map((it) => it.state)).toEqual(['online', 'offline'])
})

test('device is online when it publishes, and offline without an alert when it disconnects by itself', () => {
  connect(1)
  publish(1)
  expect(only().state).toBe('online')
  disconnect(1, 'client')
  expect(only()).toMatchObject({ state: 'offline', isAlerting: false })
})

test('device stays online when the connection that ends was replaced, whatever comes late from it', () => {
  connect(1, status)
  connect(2, status)
  will(1)
  publish(1)
  disconnect(1, 'replaced')
  expect(only()).toMatchObject({ state: 'online', epoch: 2 })
  expect(changes).toHaveLength(1)
})

test('device without a will stays online when its client is replaced before it publishes again', () => {
  connect(1)
  publish(1)
  connect(2)
  disconnect(1, 'replaced')
  expect(only().state).toBe('online')
  disconnect(2, 'closed')
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true })
})

test('device that another client speaks for stays online when the first client leaves', () => {
  connect(1, undefined, 'gateway-1')
  publish(1, undefined, 'gateway-1')
  connect(2, undefined, 'gateway-2')
  publish(2, undefined, 'gateway-2')
  disconnect(1, 'closed', 'gateway-1')
  expect(only().state).toBe('online')
})

test('all devices of a gateway are offline when its connection breaks', () => {
  connect(1)
  publish(1, 'sensors/a/x/rainfall')
  publish(1, 'sensors/a/y/rainfall')
  disconnect(1, 'keepalive')
  expect([...devices.all()].map((it) => it.state)).toEqual(['offline', 'offline'])
})

test('alert ends when the device is back', () => {
  connect(1, status)
  disconnect(1, 'closed')
  connect(2, status)
  expect(only()).toMatchObject({ state: 'online', isAlerting: false })
})

test('device keeps its state over our restart when it comes back within the grace', () => {
  connect(1, status)
  take(lifeCycle(MessageKind.start, '', 0, ''))
  expect(only().state).toBe('online')
  connect(2, status)
  quiet(2 * graceMs)
  expect(only().state).toBe('online')
  expect(changes).toHaveLength(1)
})

test('device is offline with an alert when it does not come back after our restart', () => {
  connect(1, status)
  take(lifeCycle(MessageKind.start, '', 0, ''))
  quiet(graceMs - 1)
  expect(only().state).toBe('online')
  quiet(1)
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true, sinceMs: nowMs })
})

test('device gets its grace anew when the clock was set forward by a day', () => {
  connect(1, status)
  take(lifeCycle(MessageKind.start, '', 0, ''))
  quiet(graceMs - 1)
  nowMs += 86_400_000
  quiet(graceMs)
  expect(only().state).toBe('online')
  quiet(10_001)
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true })
})

test('states go on when they were saved and restored', () => {
  connect(1, status)
  restore()
  disconnect(1, 'closed')
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true })
})

test('takeover is known for one when it comes after states were saved and restored', () => {
  connect(1)
  publish(1)
  restore()
  connect(2)
  disconnect(1, 'replaced')
  expect(only().state).toBe('online')
})

test('device stays offline when a message of its ended connection comes late', () => {
  connect(1, status)
  disconnect(1, 'closed')
  publish(1)
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true, lastSeenMs: nowMs })
})

const source = 'source:plant'
const fromSource = (kind: MessageKind, epoch: number, topic = status) => take(lifeCycle(kind, source, epoch, topic))

test('device behind a source is online when it is heard, and offline with an alert when its will comes', () => {
  connect(1, undefined, source)
  fromSource(MessageKind.will, 1)
  expect([...devices.all()]).toEqual([])
  fromSource(MessageKind.birth, 1)
  expect(only().state).toBe('online')
  fromSource(MessageKind.will, 1)
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true, sinceMs: nowMs })
  expect(only().why).toContain('source:plant')
  fromSource(MessageKind.publish, 1)
  expect(only()).toMatchObject({ state: 'online', isAlerting: false })
  expect(changes.map((it) => it.state)).toEqual(['online', 'offline', 'online'])
})

test('devices behind a source keep their states when its link is new, and when we restarted', () => {
  connect(1, undefined, source)
  fromSource(MessageKind.birth, 1)
  fromSource(MessageKind.publish, 1, 'sensors/a/gone/rainfall')
  fromSource(MessageKind.will, 1, 'sensors/a/gone/status')
  connect(2, status, 'own')
  publish(2, 'sensors/a/own/rainfall', 'own')
  const states = () => Object.fromEntries([...devices.all()].map((it) => [it.device, it.state]))
  fromSource(MessageKind.publish, 1)
  take(lifeCycle(MessageKind.start, '', 0, ''))
  quiet(2 * graceMs)
  expect(states()).toEqual({ b: 'online', gone: 'offline', own: 'offline' })

  restore()
  connect(3, undefined, source)
  expect(states()).toEqual({ b: 'online', gone: 'offline', own: 'offline' })
  fromSource(MessageKind.will, 3)
  expect(states().b).toBe('offline')
})

test('will from a source says nothing about a device that has come to our own broker', () => {
  connect(1, undefined, source)
  fromSource(MessageKind.birth, 1)
  connect(2, status)
  fromSource(MessageKind.will, 1)
  expect(only()).toMatchObject({ state: 'online', epoch: 2 })
  disconnect(2, 'client')
  fromSource(MessageKind.will, 1)
  expect(only()).toMatchObject({ state: 'offline', isAlerting: false, why: 'disconnected by itself' })
})

test('device whose worker ended keeps its state when it comes back within the grace', () => {
  connect(1, status)
  disconnect(1, 'worker')
  expect(only()).toMatchObject({ state: 'online', isAlerting: false })
  connect(2, status)
  quiet(2 * graceMs)
  expect(only().state).toBe('online')
  expect(changes).toHaveLength(1)
})

test('device whose worker ended is offline with an alert when it does not come back', () => {
  connect(1, status)
  disconnect(1, 'worker')
  quiet(graceMs)
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true, sinceMs: nowMs })
})
