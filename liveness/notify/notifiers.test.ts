import { mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import type { NotifierConfig } from '../../telemetry/alert.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { chartFake, keptLog, notificationOf } from './notification.fake.ts'
import { createNotifiers, type Notifiers } from './notifiers.ts'
import type { ChartOf } from './pictured.ts'
import { startReceiver } from './receiver.fake.ts'

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function receiverOn(port = 0) {
  const receiver = await startReceiver(port)
  closers.push(receiver.close)
  return receiver
}

const webhook = (name: string, url: string): NotifierConfig => ({
  name,
  type: 'webhook',
  url: `${url}/hook/tok3n`,
  format: 'generic',
  secret: 's3cret',
  perMinuteMax: 600,
  title: '',
  text: '',
})

async function setUp(config: NotifierConfig[], folder = '', chartOf: ChartOf = async () => null) {
  const data = folder === '' ? await mkdtemp(join(tmpdir(), 'notifiers-')) : folder
  const { log, lines } = keptLog()
  const counters = createCounters()
  const published: string[] = []
  const notifiers: Notifiers = await createNotifiers({
    config,
    folder: data,
    publish: async (topic) => void published.push(topic),
    statusOf: () => null,
    publicUrl: 'https://dewpoint.example/',
    chartOf,
    counters,
    log,
    // Notifications of the tests are of this time.
    clock: { nowMs: () => notificationOf().atMs },
  })
  closers.push(() => notifiers.close())
  return { notifiers, data, lines, counters, published }
}

const idsOf = (bodies: Array<{ body: Buffer }>) =>
  bodies.map(({ body }) =>
    JSON.parse(body.toString())
      .alerts.map(({ id }: { id: string }) => id)
      .join(' '),
  )

test('notifiers tell everybody else at once when one of them never answers', async () => {
  const slow = await receiverOn()
  const quick = await receiverOn()
  slow.answerWith(null)
  const mqtt: NotifierConfig = { name: 'bus', type: 'mqtt', topic: 'alerts', perMinuteMax: 60, title: '', text: '' }
  const { notifiers, published } = await setUp([webhook('slow', slow.url), webhook('quick', quick.url), mqtt])
  const startedAtMs = performance.now()
  for (const id of ['a', 'b', 'c'])
    for (const name of ['slow', 'quick', 'bus']) notifiers.notify(name, notificationOf('fired', { id }))
  await vi.waitFor(() => expect(idsOf(quick.got)).toEqual(['a', 'b', 'c']))
  expect(performance.now() - startedAtMs).toBeLessThan(limits.notifierTryMsMax / 2)
  expect(published).toEqual(['alerts/north/well-3', 'alerts/north/well-3', 'alerts/north/well-3'])
  // What arrived is counted when its answer has.
  await vi.waitFor(() =>
    expect(notifiers.status()).toMatchObject([
      { name: 'slow', type: 'webhook', queued: 3, sent: 0 },
      { name: 'quick', queued: 0, sent: 3, failed: 0, lastError: null },
      { name: 'bus', queued: 0, sent: 3 },
    ]),
  )
  await slow.close()
  closers.splice(closers.indexOf(slow.close), 1)
})

test('notifiers tell after a restart what waited for a receiver that was killed, as one', async () => {
  const receiver = await startReceiver()
  const first = await setUp([webhook('ops', receiver.url)])
  first.notifiers.notify('ops', notificationOf('fired', { id: 'told' }))
  await vi.waitFor(() => expect(idsOf(receiver.got)).toEqual(['told']))
  await receiver.close()
  for (let id = 0; id < 17; id++) first.notifiers.notify('ops', notificationOf('fired', { id: `${id}` }))
  first.notifiers.notify('ops', notificationOf('resolved', { id: '3' }))
  await vi.waitFor(() => expect(first.notifiers.status()).toMatchObject([{ failed: 1 }]))
  await first.notifiers.close()

  const again = await receiverOn(receiver.port)
  const second = await setUp([webhook('ops', again.url)], first.data)
  await vi.waitFor(() => expect(again.got).toHaveLength(1))
  const told = JSON.parse(again.got[0]?.body.toString() ?? '')
  expect(told.title).toBe('17 alerts while you could not be reached')
  expect(told.alerts.at(-1)).toMatchObject({ id: '3', kind: 'resolved', cameAndWent: true })
  expect(second.counters.notifications).toEqual({ sent: 17 })
})

test('notifiers have on disk what they were given, when they say so, also without a close', async () => {
  const first = await setUp([webhook('ops', 'http://127.0.0.1:1')])
  await first.notifiers.kept()
  first.notifiers.notify('ops', notificationOf('fired', { id: 'crash' }))
  await first.notifiers.kept()
  const receiver = await receiverOn()
  // As after a kill: the first ones were never closed.
  await setUp([webhook('ops', receiver.url)], first.data)
  await vi.waitFor(() => expect(idsOf(receiver.got)).toEqual(['crash']))
})

test('notifiers draw the last hours of a channel for those that show pictures', async () => {
  const receiver = await receiverOn()
  const asked: string[] = []
  const { notifiers } = await setUp(
    [webhook('ops', receiver.url), { ...webhook('chat', receiver.url), format: 'slack' } as NotifierConfig],
    '',
    async ({ id }, atMs) => {
      asked.push(`${id} ${atMs}`)
      return chartFake
    },
  )
  notifiers.notify('ops', notificationOf('fired', { id: 'a' }))
  await vi.waitFor(() => expect(receiver.got).toHaveLength(1))
  const png = Buffer.from(JSON.parse(receiver.got[0]?.body.toString() ?? '').chart.base64, 'base64')
  expect(png.subarray(1, 4).toString()).toBe('PNG')
  notifiers.notify('ops', notificationOf('fired', { id: 'b', channel: '' }))
  notifiers.notify('chat', notificationOf('fired', { id: 'c' }))
  await vi.waitFor(() => expect(receiver.got).toHaveLength(3))
  expect(asked).toEqual([`a ${notificationOf().atMs}`])
})

test.each([
  ['is away', () => Promise.reject(new Error('away'))],
  ['never answers', () => new Promise<null>(() => {})],
])('notifiers tell without a picture when the store %s', async (_, chartOf) => {
  const receiver = await receiverOn()
  const { notifiers } = await setUp([webhook('ops', receiver.url)], '', chartOf)
  notifiers.notify('ops', notificationOf())
  await vi.waitFor(() => expect(receiver.got).toHaveLength(1))
  expect(JSON.parse(receiver.got[0]?.body.toString() ?? '').chart).toBeNull()
})

test('notifiers keep keys over a restart, for our own user only', async () => {
  const first = await setUp([])
  const url = first.notifiers.actionLinks.url('a', 'mute', 'ops', 0)
  await first.notifiers.close()
  const second = await setUp([], first.data)
  expect(second.notifiers.vapidPublicKey).toBe(first.notifiers.vapidPublicKey)
  expect(url).toMatch(/^https:\/\/dewpoint\.example\/act\//)
  expect(second.notifiers.actionLinks.verify(url.slice(url.lastIndexOf('/') + 1), 0)).toMatchObject({ alert: 'a' })
  for (const file of ['actions.key', 'vapid.json'])
    expect((await stat(join(first.data, 'notify', file))).mode & 0o777).toBe(0o600)
})

test('notifiers tell no secret in log, status and answer when a receiver is away', async () => {
  const { notifiers, lines } = await setUp([webhook('ops', 'http://me:passw0rd@127.0.0.1:1')])
  notifiers.notify('ops', notificationOf())
  await vi.waitFor(() => expect(notifiers.status()).toMatchObject([{ failed: 1 }]))
  const all = JSON.stringify([lines, notifiers.status(), await notifiers.test('ops')])
  expect(all).not.toMatch(/tok3n|s3cret|passw0rd/)
  expect(lines.some((line) => line.includes('cannot be reached'))).toBe(true)
})

test('notifier is tested past what waits, and says how it went', async () => {
  const receiver = await receiverOn()
  const { notifiers } = await setUp([webhook('ops', receiver.url)])
  expect(await notifiers.test('ops')).toEqual({ ok: true, detail: 'sent' })
  expect(JSON.parse(receiver.got[0]?.body.toString() ?? '')).toMatchObject({
    title: 'Test: Dewpoint reaches ops',
    chart: { type: 'image/png' },
  })
  receiver.answerWith({ status: 403 })
  expect(await notifiers.test('ops')).toEqual({ ok: false, detail: 'answered 403' })
  expect(await notifiers.test('nobody')).toEqual({ ok: false, detail: 'nobody given, the name of a notifier wanted' })
})

test('notification for a notifier that is not there is counted', async () => {
  const { notifiers, counters } = await setUp([])
  notifiers.notify('nobody', notificationOf())
  expect(counters.notifications).toEqual({ unknown: 1 })
})
