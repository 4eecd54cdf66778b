import { expect, test } from 'vitest'
import { createFakeTransport } from '../device/fake-transport.ts'
import type { LinkProfile } from '../profile.ts'
import { createRandom } from '../random.ts'
import { createVirtualClock } from '../sim-clock.ts'
import type { ConnectionEvents } from '../transport.ts'
import { createLink, perfectLink } from './link.ts'
import { withLink } from './linked-transport.ts'

function rig(profile: Partial<LinkProfile>, seed = 3) {
  const clock = createVirtualClock(0)
  const broker = createFakeTransport(clock)
  const link = createLink({ ...perfectLink, ...profile }, createRandom(seed), 0)
  const transport = withLink(broker, link, clock)
  const heard: Array<[atMs: number, what: string, more?: unknown]> = []
  const hear =
    (what: string) =>
    (...more: unknown[]) =>
      heard.push([clock.nowMs(), what, more[0]])
  const events = Object.fromEntries(
    ['connected', 'acknowledged', 'message', 'ponged', 'closed'].map((what) => [what, hear(what)]),
  ) as unknown as ConnectionEvents
  const open = () => transport.open({ clientId: 'c', keepAliveS: 60, clean: true }, events)
  const publish = (packetId: number) => ({
    topic: 't',
    payload: Buffer.from(String(packetId)),
    qos: 1 as const,
    retain: false,
    dup: false,
    packetId,
  })
  return { clock, broker, link, heard, open, publish }
}

test('linked transport delays each way, and keeps the order', () => {
  const { clock, broker, heard, open, publish } = rig({ latencyMs: 100, jitterMs: 40 })
  const connection = open()
  expect(heard).toEqual([])
  clock.runUntil(2000)
  expect(heard.map(([, what]) => what)).toEqual(['connected'])
  for (let id = 1; id <= 20; id++) connection.publish(publish(id))
  expect(broker.reports()).toEqual([])
  clock.runUntil(4000)
  expect(broker.reports().map(({ packetId }) => packetId)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  expect(heard.slice(1).map(([, what, id]) => [what, id])).toEqual(
    Array.from({ length: 20 }, (_, i) => ['acknowledged', i + 1]),
  )
})

test('linked transport breaks when the link goes away, and there is no network until it is back', () => {
  const { clock, broker, link, heard, open, publish } = rig({ outageEveryS: 600, outageLastsS: 60 })
  const outage = link.nextOutage(0)
  if (outage === null) throw new Error('no outage')
  const connection = open()
  clock.runUntil(outage.fromMs)
  expect(heard.at(-1)).toEqual([outage.fromMs, 'closed', 'lost'])
  expect(broker.last().isDropped).toBe(true)
  connection.publish(publish(1))
  const again = open()
  clock.runUntil(outage.toMs - 1)
  expect(broker.connections.length).toBe(1)
  again.drop()
  const count = heard.length
  clock.runUntil(outage.toMs)
  open()
  clock.runUntil(outage.toMs + 200)
  expect(heard.slice(count).map(([, what]) => what)).toEqual(['connected'])
  expect(broker.reports()).toEqual([])
})

test('linked transport tells nobody when the link goes half-open; the broker learns of it when it is back', () => {
  const { clock, broker, link, heard, open, publish } = rig({ outageEveryS: 600, outageLastsS: 60, halfOpen: 1 })
  const outage = link.nextOutage(0)
  if (outage === null) throw new Error('no outage')
  const connection = open()
  clock.runUntil(outage.fromMs)
  connection.publish(publish(1))
  clock.runUntil(outage.fromMs + 10)
  expect(heard.map(([, what]) => what)).toEqual(['connected'])
  connection.drop()
  clock.runUntil(outage.toMs - 1)
  expect(broker.last().isDropped).toBe(false)
  clock.runUntil(outage.toMs + 10)
  expect(broker.last().isDropped).toBe(true)
  expect(broker.reports()).toEqual([])
})

test('linked transport forgets a connection that is silent for longer than a NAT remembers', () => {
  const { clock, broker, heard, open, publish } = rig({ natTimeoutS: 300 })
  const connection = open()
  clock.runUntil(1000)
  connection.publish(publish(1))
  clock.runUntil(200_000)
  connection.publish(publish(2))
  clock.runUntil(600_000)
  connection.publish(publish(3))
  clock.runUntil(700_000)
  expect(broker.reports().map(({ packetId }) => packetId)).toEqual([1, 2])
  expect(heard.at(-1)?.slice(1)).toEqual(['acknowledged', 2])
})

test('linked transport sends some publishes twice, the second as a duplicate', () => {
  const { clock, broker, open, publish } = rig({ duplicate: 0.5, delayMsMax: 5000 })
  const connection = open()
  clock.runUntil(1000)
  for (let id = 1; id <= 200; id++) connection.publish(publish(id))
  clock.runUntil(20_000)
  const again = broker.reports().filter(({ dup }) => dup)
  expect(again.length).toBeGreaterThan(70)
  expect(again.length).toBeLessThan(130)
  expect(new Set(broker.reports().map(({ packetId }) => packetId)).size).toBe(200)
})
