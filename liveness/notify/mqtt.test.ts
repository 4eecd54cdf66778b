import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AlertSubject } from '../../telemetry/alert.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { readJson } from './json-file.ts'
import { createMqtt, topicOf } from './mqtt.ts'
import { alertOf, atMs, keptLog, notificationOf, parcelOf } from './notification.fake.ts'
import { createStanding, type StandingTopic } from './standing.ts'

type Message = { topic: string; payload: string; retain: boolean; qos: number }

async function setUp(saved: StandingTopic[] = [], publish?: () => Promise<void>) {
  const messages: Message[] = []
  const path = join(await mkdtemp(join(tmpdir(), 'mqtt-')), 'standing.json')
  const counters = createCounters()
  const sender = createMqtt({
    config: { name: 'broker', type: 'mqtt', topic: 'alerts', perMinuteMax: 60, title: '', text: '' },
    async publish(topic, payload, options) {
      await publish?.()
      messages.push({ topic, payload, ...options })
    },
    statusOf: (name) => ({
      ...name,
      state: 'offline',
      why: '',
      sinceMs: 0,
      lastSeenMs: atMs,
      dueMs: null,
      isAlerting: true,
    }),
    standing: createStanding(saved),
    path,
    counters,
    log: keptLog().log,
  })
  const tell = (...given: Parameters<typeof notificationOf>) => sender.deliver(parcelOf(notificationOf(...given)))
  return { messages, path, sender, tell, counters }
}

test('MQTT notifier retains an alert while it stands, with the keys that subscribers know', async () => {
  const { messages, tell } = await setUp()
  await tell('fired')
  expect(messages).toMatchObject([{ topic: 'alerts/north/well-3', retain: true, qos: 1 }])
  expect(JSON.parse(messages[0]?.payload ?? '')).toMatchObject({
    alert: 'offline',
    site: 'north',
    device: 'well-3',
    state: 'offline',
    since: '2026-11-24T14:01:00.000Z',
    lastSeen: '2026-11-24T14:02:00.000Z',
    why: 'no report since 13:32, expected every 10 min, 3 missed',
    id: 'a1',
    kind: 'fired',
    alerts: [{ id: 'a1', rule: 'offline', severity: 'critical' }],
  })
})

test('MQTT notifier tells who listens that an alert is over, and leaves nothing to who comes later', async () => {
  const { messages, tell } = await setUp()
  await tell('fired')
  await tell('resolved')
  expect(messages.slice(1).map(({ payload, retain }) => [payload === '', retain])).toEqual([
    [false, false],
    [true, true],
  ])
  expect(JSON.parse(messages[1]?.payload ?? '')).toMatchObject({ kind: 'resolved', alerts: [] })
})

test('MQTT notifier keeps the topic of a device until the last of its alerts is over', async () => {
  const { messages, tell } = await setUp()
  await tell('fired')
  await tell('fired', { id: 'a2', rule: 'battery' })
  await tell('resolved')
  await tell('resolved', { id: 'a2', rule: 'battery' })
  expect(messages.map(({ retain }) => retain)).toEqual([true, true, true, false, true])
  const alertsOf = (index: number) =>
    JSON.parse(messages[index]?.payload ?? '').alerts.map(({ id }: { id: string }) => id)
  expect([alertsOf(1), alertsOf(2)]).toEqual([['a1', 'a2'], ['a2']])
  expect(messages[4]?.payload).toBe('')
})

test('MQTT notifier knows after a restart which alerts stand', async () => {
  const first = await setUp()
  await first.tell('fired')
  await first.sender.close()
  const saved = await readJson<StandingTopic[]>(first.path, [], keptLog().log)
  const second = await setUp(saved)
  await second.tell('fired', { id: 'a2' })
  await second.tell('resolved', { id: 'a2' })
  expect(second.messages.map(({ payload }) => payload === '')).toEqual([false, false])
})

test('MQTT notifier publishes a test beside the alerts, and keeps none of it', async () => {
  const { messages, tell } = await setUp()
  await tell('test')
  expect(messages).toMatchObject([{ topic: 'alerts/test', retain: false }])
})

test('MQTT notifier retains no more than its limit, and counts the rest', async () => {
  const many = Array.from({ length: limits.standingAlertsMax }, (_, id) => ({
    id: `${id}`,
    rule: '',
    severity: 'info' as const,
    title: '',
  }))
  const { messages, tell, counters } = await setUp([['alerts/s/d', many]])
  await tell('fired')
  expect(messages).toMatchObject([{ topic: 'alerts/north/well-3', retain: false }])
  expect(counters.standingAlertsDropped).toBe(1)
})

test('MQTT notifier fails, to be tried again, when the broker does not take the message', async () => {
  const { tell } = await setUp([], () => Promise.reject(new Error('the broker is closing')))
  expect(await tell('fired')).toMatchObject({ ok: false, isFinal: false, detail: 'the broker is closing' })
})

const group = (factor: 'gateway' | 'ourselves', name: string): AlertSubject => ({
  kind: 'group',
  factor,
  name,
  silent: 38,
  of: 40,
})

test.each([
  [{ kind: 'device', site: 'groups', device: 'gateway' }, 'alerts/groups/gateway'],
  [group('gateway', '7'), 'alerts/groups/gateway/7'],
  [group('gateway', 'a/+/#\0'), 'alerts/groups/gateway/a%2F%2B%2F%23%00'],
  [group('ourselves', ''), 'alerts/groups/ourselves/-'],
] as Array<[AlertSubject, string]>)('alert of %j has a topic of its own', (subject, topic) => {
  expect(topicOf('alerts', alertOf({ subject }))).toBe(topic)
})
