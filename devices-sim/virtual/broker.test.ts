/** What only virtual time can wait for. Everything else is held against the real broker in test/sim/virtual-broker.test.ts. */
import { beforeEach, expect, test } from 'vitest'
import { createCounters } from '../../telemetry/counters.ts'
import { createEpochs } from '../../telemetry/epoch.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Message, MessageKind } from '../../telemetry/message.ts'
import { createVirtualClock, type VirtualClock } from '../sim-clock.ts'
import type { ConnectOptions } from '../transport.ts'
import { createVirtualBroker, type VirtualBroker } from './broker.ts'

const startMs = Date.UTC(2026, 0, 1)
const will = { topic: 'sensors/p/a/status', payload: 'offline', qos: 1, retain: true } as const

let clock: VirtualClock
let broker: VirtualBroker
let taken: Message[]
let heard: string[]
beforeEach(() => {
  clock = createVirtualClock(startMs)
  taken = []
  heard = []
  broker = createVirtualBroker({
    clock,
    accept: (message) => taken.push(message),
    nextEpoch: createEpochs(startMs),
    isStatus: () => false,
    counters: createCounters(),
  })
})

const open = (options: Partial<ConnectOptions> = {}) =>
  broker.open(
    { clientId: 'a', keepAliveS: 0, clean: true, ...options },
    {
      connected: (isPresent) => heard.push(isPresent ? 'session present' : 'connected'),
      acknowledged: (packetId) => heard.push(`acknowledged ${packetId}`),
      message: () => {},
      ponged: () => {},
      closed: (why, detail) => heard.push(`${why}: ${detail}`),
    },
  )
const pass = (ms: number) => clock.runUntil(clock.nowMs() + ms)
const kinds = () => taken.map(({ kind }) => Object.keys(MessageKind)[kind])

test('virtual broker answers nothing within a call', () => {
  broker.start()
  const device = open()
  expect(heard).toEqual([])
  pass(100)
  device.publish({ topic: 't', payload: Buffer.from('1'), qos: 1, retain: false, dup: false, packetId: 5 })
  device.end()
  expect(heard).toEqual(['connected'])
  pass(100)
  expect(kinds()).toEqual(['start', 'connect', 'publish', 'disconnect'])
  expect(heard).toEqual(['connected', 'ended: '])
})

test('virtual broker refuses connections and writes nothing when it is stopped', () => {
  broker.start()
  open({ will })
  pass(100)
  broker.stop()
  expect(broker.connected()).toBe(0)
  open({ clientId: 'b' })
  pass(100)
  expect(kinds()).toEqual(['start', 'connect'])
  expect(heard).toEqual(['connected', 'lost: the server is gone', 'refused: nobody listens'])
})

test('virtual broker publishes the will of a client that does not come back within the grace after an outage', () => {
  broker.start()
  open({ will })
  open({ clientId: 'b', will })
  pass(100)
  broker.stop()
  pass(3_600_000)
  broker.start()
  open({ clientId: 'b', will })
  pass(limits.reconnectGraceMs - 1)
  expect(kinds()).toEqual(['start', 'connect', 'connect', 'start', 'connect'])
  pass(1)
  expect(taken.slice(5)).toMatchObject([{ kind: MessageKind.will, client: 'a', epoch: 0, topic: will.topic }])
})

test('virtual broker keeps a connection that pings, and a session until it expires', () => {
  broker.start()
  const device = open({ keepAliveS: 60, clean: false })
  for (let minute = 0; minute < 60; minute++) {
    pass(60_000)
    device.ping()
  }
  expect(kinds()).toEqual(['start', 'connect'])
  pass(90_001)
  expect(kinds()).toEqual(['start', 'connect', 'disconnect'])
  pass(limits.sessionExpiryMs - 60_000)
  open({ clean: false }).end()
  pass(100)
  const again = open({ clean: false })
  pass(100)
  again.drop()
  pass(limits.sessionExpiryMs)
  open({ clean: false })
  pass(100)
  expect(heard.filter((it) => /present|connected/.test(it))).toEqual(['connected', 'session present', 'connected'])
})
