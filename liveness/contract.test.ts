/** Sleep, lateness and loss by what devices declare and by what is learned. */
import { beforeEach, expect, test } from 'vitest'
import type { StateChange } from '../telemetry/device.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../telemetry/message.ts'
import { statusTopic } from '../telemetry/schema.ts'
import type { Sighting } from '../telemetry/sighting.ts'
import { deviceFinder } from '../telemetry/topic.ts'
import { createDevices, type Devices } from './devices.ts'
import type { KnownDevice } from './states/known-device.ts'

const status = 'sensors/a/b/status'
const topic = 'sensors/a/b/rainfall'
const minute = 60_000
const startMs = Date.parse('2026-11-24T14:00:00Z')
let devices: Devices
let changes: StateChange[]
let looks: number
let nowMs: number

const deviceOf = deviceFinder([statusTopic, 'sensors/{site}/{device}/rainfall'])
type Told = Partial<Pick<Sighting, 'nextS' | 'values'>>
beforeEach(() => {
  nowMs = startMs
  changes = []
  looks = 0
  devices = createDevices({
    saved: { devices: [], connections: [], time: { lastMs: null, skippedMs: 0 } },
    deviceOf,
    gatewayOf: (topic) => (topic === '' ? '' : 'gw-7'),
    look(record) {
      looks++
      const told = JSON.parse(record.payload.toString() || '{}') as Told
      return {
        name: { site: 'a', device: 'b' },
        nextS: null,
        values: [],
        boot: null,
        sequence: null,
        clockErrorMs: null,
        ...told,
      }
    },
    graceMs: 30_000,
    onChange: (it) => changes.push(it),
  })
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
const connect = (epoch: number, client = 'b') =>
  record(
    lifeCycle(MessageKind.connect, client, epoch, '', {
      address: '10.0.3.7',
      keepAliveS: 60,
      clean: true,
      willTopic: status,
    }),
  )
const disconnect = (epoch: number, reason: string, client = 'b') =>
  record(lifeCycle(MessageKind.disconnect, client, epoch, '', { reason }))
const report = (epoch: number, told: Told = {}, client = 'b') =>
  record(lifeCycle(MessageKind.publish, client, epoch, topic, told))
const only = () => [...devices.all()][0] as KnownDevice
const told = () => changes.map(({ state, atUs }) => [state, (atUs / 1000 - startMs) / 1000])
let epochs = 0
/** Connects, reports, leaves. */
function visit(told: Told = {}, reason = 'client'): void {
  epochs++
  connect(epochs)
  report(epochs, told)
  disconnect(epochs, reason)
}

test('device that declares its next report sleeps, is late by 20 % and lost when three reports are missed', () => {
  const values = [
    { channel: 'radio.rssi', unit: 'dBm', value: -117, timeMs: 0 },
    { channel: 'battery', unit: 'V', value: 2.31, timeMs: 0 },
  ]
  visit({ nextS: 600, values })
  expect(only()).toMatchObject({ state: 'asleep', isAlerting: false })
  expect(only().why).toBe('disconnected by itself, reports as declared every 10 min')
  expect(devices.status(only()).dueMs).toBe(startMs + 10 * minute)
  quiet(40 * minute)
  expect(told()).toEqual([
    ['online', 0],
    ['asleep', 0],
    ['late', 720],
    ['lost', 1920],
  ])
  expect(changes.map((it) => it.isAlerting)).toEqual([false, false, false, true])
  expect(changes[3]?.why).toBe(
    'no report since 14:00 UTC, expected every 10 min, 3 missed; last RSSI -117 dBm, battery 2.31 V',
  )
  visit({ nextS: 600 })
  expect(only()).toMatchObject({ state: 'asleep', isAlerting: false })
})

test('interval of a device is that of its contract, without a site when one device has the name', () => {
  expect(devices.everyMsOf('b', 'a')).toBeNull()
  connect(++epochs)
  expect(devices.everyMsOf('b', 'a')).toBeNull()
  report(epochs)
  expect(devices.everyMsOf('b', 'a')).toBeNull()
  report(epochs, { nextS: 600 })
  quiet(3 * minute)
  report(epochs, { nextS: 600 })
  expect([devices.everyMsOf('b', 'a'), devices.everyMsOf('b', undefined)]).toEqual([10 * minute, 10 * minute])
  expect([devices.everyMsOf('b', 'other'), devices.everyMsOf('c', undefined)]).toEqual([null, null])
  record(lifeCycle(MessageKind.publish, 'b', epochs, 'sensors/z/b/rainfall', {}))
  expect([devices.everyMsOf('b', 'a'), devices.everyMsOf('b', undefined)]).toEqual([10 * minute, null])
})

test('device without a rhythm has no interval when only its longest silence is known', () => {
  for (const pause of [1, 30, 2, 90, 5, 61, 3, 17, 8, 44]) {
    visit()
    quiet(pause * minute)
  }
  expect(devices.everyMsOf('b', 'a')).toBeNull()
})

test('device that comes as it declared is never late', () => {
  for (let i = 0; i < 50; i++) {
    visit({ nextS: 600 })
    quiet((i % 2 === 0 ? 11 : 9) * minute)
  }
  expect(changes.every(({ state }) => state === 'online' || state === 'asleep')).toBe(true)
})

test('device that declares a longer sleep is waited for', () => {
  visit({ nextS: 600 })
  quiet(10 * minute)
  visit({ nextS: 12 * 3600 })
  quiet(12 * 60 * minute)
  expect(only().state).toBe('asleep')
  quiet(3 * 60 * minute)
  expect(only().state).toBe('late')
})

test('device without a contract is offline without an alert when it disconnects, and stays so', () => {
  visit()
  quiet(24 * 60 * minute)
  expect(only()).toMatchObject({ state: 'offline', isAlerting: false, why: 'disconnected by itself' })
})

test('device with a rhythm sleeps after its ninth report, is late and then lost', () => {
  for (let i = 0; i < 9; i++) {
    visit()
    expect(only().state).toBe(i < 8 ? 'offline' : 'asleep')
    quiet(10 * minute + (i % 3) * 10_000)
  }
  expect(only().state).toBe('asleep')
  quiet(3 * minute)
  expect(only().state).toBe('late')
  expect(only().why).toMatch(/^no report since \d\d:\d\d UTC, usually every 10 min 10 s, 1 missed$/)
  quiet(20 * minute)
  expect(only()).toMatchObject({ state: 'lost', isAlerting: true })
})

test('device that reports when something happens is neither late nor lost while its connection is held', () => {
  connect(1)
  for (let i = 0; i < 30; i++) {
    report(1)
    quiet((1 + ((i * 7) % 13)) * minute)
  }
  quiet(30 * 24 * 60 * minute)
  expect(told()).toEqual([['online', 0]])
})

test('device behind a source without a rhythm is late after twice its longest silence, and never lost', () => {
  const source = 'source:plant'
  connect(1, source)
  for (let i = 0; i < 30; i++) {
    report(1, {}, source)
    quiet((1 + ((i * 7) % 13)) * minute)
  }
  quiet(48 * 60 * minute)
  expect(changes.map((it) => it.state)).toEqual(['online', 'late'])
  expect(only().why).toContain('never silent for longer than 13 min before')
})

test('backlog in a quick rhythm makes nobody lost', () => {
  connect(1)
  for (let i = 0; i < 100; i++) {
    report(1)
    quiet(1500)
  }
  quiet(60 * minute)
  expect(told()).toEqual([['online', 0]])
})

test('device that breaks off after each report sleeps, and one whose held connection breaks is offline at once', () => {
  visit({ nextS: 600 }, 'closed')
  expect(only()).toMatchObject({ state: 'asleep', isAlerting: false })
  quiet(10 * minute)
  connect(100)
  report(100, { nextS: 600 })
  quiet(minute)
  disconnect(100, 'closed')
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true })
  const brokeAt = changes.length
  quiet(40 * minute)
  expect(changes.slice(brokeAt).map(({ state, isAlerting }) => [state, isAlerting])).toEqual([['lost', true]])
})

test('device that connects and breaks off without a report is offline with an alert', () => {
  visit({ nextS: 600 })
  quiet(5 * minute)
  connect(100)
  disconnect(100, 'keepalive')
  expect(only()).toMatchObject({ state: 'offline', isAlerting: true })
})

test('device that is connected and silent is late and lost when it declared reports', () => {
  connect(1)
  report(1, { nextS: 60 })
  quiet(5 * minute)
  expect(told()).toEqual([
    ['online', 0],
    ['late', 72],
    ['lost', 192],
  ])
  report(1, { nextS: 60 })
  expect(only()).toMatchObject({ state: 'online', why: 'reports again' })
})

test('due time moves by our absence and the grace when we restart', () => {
  visit({ nextS: 600 })
  quiet(5 * minute)
  nowMs += 60 * minute
  record(lifeCycle(MessageKind.start, '', 0, ''))
  quiet(7 * minute + 30_000 - 1)
  expect(only().state).toBe('asleep')
  quiet(1)
  expect(only()).toMatchObject({ state: 'late', sinceMs: nowMs })
  expect(only().why).toContain('no report since 14:00 UTC')
})

test('nobody is late when the clock is set forward by a day, or the machine slept', () => {
  visit({ nextS: 30 })
  quiet(20_000)
  nowMs += 24 * 60 * minute
  quiet(10_000)
  expect(only().state).toBe('asleep')
})

test('what is late happens before the record that comes after it, at its own time', () => {
  visit({ nextS: 10 })
  nowMs += 19_000
  visit({ nextS: 10 })
  expect(told().slice(1)).toEqual([
    ['asleep', 0],
    ['late', 15],
    ['online', 19],
    ['asleep', 19],
  ])
})

test('device is late and lost at its own times when nothing came between both', () => {
  visit({ nextS: 1 })
  nowMs += 19_000
  record(lifeCycle(MessageKind.tick, '', 0, ''))
  expect(told().slice(2)).toEqual([
    ['late', 6],
    ['lost', 8],
  ])
})

test('device over HTTP is online as long as it reports as declared', () => {
  record(lifeCycle(MessageKind.publish, 'http:b', 5, topic, { nextS: 600 }))
  expect(only()).toMatchObject({ state: 'online', why: 'reports over HTTP' })
  quiet(40 * minute)
  expect(told()).toEqual([
    ['online', 0],
    ['late', 720],
    ['lost', 1920],
  ])
})

test('report that comes behind the end of its connection ends lateness, since the device sleeps', () => {
  visit({ nextS: 600 })
  quiet(13 * minute)
  expect(only().state).toBe('late')
  report(epochs, { nextS: 600 })
  expect(only().state).toBe('asleep')
})

test('device that comes back without a report and leaves is late again, and lost in time', () => {
  visit({ nextS: 600 })
  quiet(40 * minute)
  connect(100)
  expect(only().state).toBe('online')
  disconnect(100, 'client')
  quiet(1000)
  expect(changes.slice(-3).map(({ state }) => state)).toEqual(['asleep', 'late', 'lost'])
})

test.each([
  [600, 6 * 3600],
  [6 * 3600, 600],
])(
  'device that boots early with another interval, %d s before and %d s now, is expected by the new one',
  (before, now) => {
    visit({ nextS: before })
    quiet(minute)
    visit({ nextS: now })
    quiet(1.1 * now * 1000)
    expect(only().state).toBe('asleep')
    quiet(0.2 * now * 1000)
    expect(only().state).toBe('late')
  },
)

test('events between two reports, which say nothing of the next one, take back nothing', () => {
  visit({ nextS: 3600 })
  for (let i = 0; i < 20; i++) {
    quiet(minute)
    visit()
  }
  expect(only().nextMs).toBe(3_600_000)
})

test('reports are looked into when they can tell something only', () => {
  connect(1)
  for (let i = 0; i < 100; i++) {
    report(1, { nextS: 600 })
    report(1, { nextS: 600 })
    quiet(minute)
  }
  expect(looks).toBe(100)
  looks = 0
  connect(2, 'c')
  for (let i = 0; i < 90; i++) {
    report(2, {}, 'c')
    quiet(minute)
  }
  expect(looks).toBeLessThan(20)
})

test.each([0, -5, Number.NaN, 1e300])(
  'device that declares a next report in %d s is believed for no longer than a year',
  (nextS) => {
    connect(1)
    report(1)
    only().nextMs = null
    only().lookedAt = null
    const at = {
      ...lifeCycle(MessageKind.publish, 'b', 1, topic),
      payload: Buffer.from(`{"nextS":${nextS === 1e300 ? '1e300' : JSON.stringify(nextS)}}`),
    }
    record(at)
    const { nextMs } = only()
    expect(nextMs).toBe(nextS === 1e300 ? 366 * 86_400_000 : null)
  },
)

test('factors and their members tell what silent devices share', () => {
  visit({ nextS: 600, values: [{ channel: 'fw', unit: '', value: '2.1.0', timeMs: 0 }] })
  const factors = [
    ['site', 'a'],
    ['gateway', 'gw-7'],
    ['firmware', '2.1.0'],
    ['network', '10.0.3.0/24'],
    ['ourselves', ''],
  ]
  expect(devices.factorsOf({ site: 'a', device: 'b' })).toEqual(factors)
  expect(devices.membersOf('gateway', 'gw-7')).toEqual({ silent: 0, of: 1 })
  quiet(13 * minute)
  expect(devices.membersOf('gateway', 'gw-7')).toEqual({ silent: 1, of: 1 })
  visit({ nextS: 600 })
  expect(devices.membersOf('network', '10.0.3.0/24')).toMatchObject({ silent: 0, of: 1 })
  expect(devices.membersOf('gateway', 'gw-8')).toEqual({ silent: 0, of: 0 })
})
