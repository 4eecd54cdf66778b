/**
 * Everybody who is told of alerts: one lane and one sender for each notifier of the configuration, and the keys and subscriptions that
 * they share. All of it lives in `notify/` of the data folder, readable by our own user only.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Notification, NotifierConfig, Notify } from '../../telemetry/alert.ts'
import { type Clock, systemClock } from '../../telemetry/clock.ts'
import { type Counters, count } from '../../telemetry/counters.ts'
import type { DeviceName, DeviceStatus } from '../../telemetry/device.ts'
import { type ActionLinks, createActionLinks } from './actions.ts'
import { readJson } from './json-file.ts'
import { type Lane, type LaneStatus, openLane } from './lane.ts'
import { createMqtt, type Publish } from './mqtt.ts'
import type { Sender } from './parcel.ts'
import { type ChartOf, pictured } from './pictured.ts'
import { secretFile } from './secret-file.ts'
import { createSmtp } from './smtp.ts'
import { createStanding, type StandingTopic } from './standing.ts'
import {
  createSubscriptions,
  isPushService,
  type PushSubscription,
  type SubscriptionProblem,
  type Subscriptions,
} from './subscriptions.ts'
import { createTemplates } from './templates.ts'
import { createWebPush, makeVapidKeys, type VapidKeys } from './web-push.ts'
import { createWebhook } from './webhook.ts'

export type NotifiersOptions = {
  config: NotifierConfig[]
  /** The data folder. */
  folder: string
  /** To our own broker, which keeps what is retained over a restart; resolves when it has taken the message. */
  publish: Publish
  /** What is known of a device now; null: nothing. */
  statusOf: (name: DeviceName) => DeviceStatus | null
  /** Where the page is reached from outside; '' when nobody has said. */
  publicUrl: string
  /** The last hours of the alert's channel, by the time of what is told; rejects when nobody knows. */
  chartOf: ChartOf
  counters: Counters
  log: Logger
  clock?: Clock
  /** Which addresses a subscription may name. */
  isPushEndpoint?: (url: URL) => boolean
}

export type NotifierStatus = LaneStatus & { name: string; type: NotifierConfig['type'] }

export type Notifiers = {
  notify: Notify
  /** Resolves when all that was given to notify() so far outlives a crash. */
  kept(): Promise<void>
  /** One try, now, past what waits. */
  test(name: string): Promise<{ ok: boolean; detail: string }>
  status(): NotifierStatus[]
  actionLinks: ActionLinks
  vapidPublicKey: string
  subscribePush(subscription: unknown): Promise<SubscriptionProblem | null>
  /** Whether there was one. */
  removePush(endpoint: string): Promise<boolean>
  /** What waits is kept, and told after the next start. */
  close(): Promise<void>
}

/** Whether a chat shows a picture that comes with the message, and not by an address that everybody can reach. */
const withPicture = { generic: true, slack: false, discord: true, teams: true, ntfy: false }

export async function createNotifiers(options: NotifiersOptions): Promise<Notifiers> {
  const { counters, log, clock = systemClock } = options
  const folder = join(options.folder, 'notify')
  const publicUrl = options.publicUrl.replace(/\/+$/, '')
  const nowMs = () => clock.nowMs()
  const actionKey = await secretFile(join(folder, 'actions.key'), () => randomBytes(32).toString('base64url'))
  const links = createActionLinks(Buffer.from(actionKey, 'base64url'), publicUrl)
  const vapid = JSON.parse(
    await secretFile(join(folder, 'vapid.json'), () => JSON.stringify(makeVapidKeys())),
  ) as VapidKeys
  const subscriptionsPath = join(folder, 'push.json')
  const subscriptions: Subscriptions = createSubscriptions(
    await readJson<PushSubscription[]>(subscriptionsPath, [], log),
    subscriptionsPath,
    options.isPushEndpoint ?? isPushService,
  )

  async function senderOf(config: NotifierConfig): Promise<Sender> {
    const templates = createTemplates({ config, publicUrl, links, nowMs })
    switch (config.type) {
      case 'webhook':
        return withPicture[config.format]
          ? pictured(createWebhook(config, templates, nowMs), options.chartOf)
          : createWebhook(config, templates, nowMs)
      case 'smtp':
        return pictured(createSmtp(config, templates), options.chartOf)
      case 'web-push':
        return createWebPush({ config, templates, subscriptions, keys: vapid, counters, log, nowMs })
      case 'mqtt': {
        const path = join(folder, `${fileName(config.name)}.standing.json`)
        const saved = await readJson<StandingTopic[]>(path, [], log)
        const { publish, statusOf } = options
        return createMqtt({
          config,
          publish,
          statusOf,
          standing: createStanding(saved),
          path,
          counters,
          log,
        })
      }
    }
  }

  const notifiers = new Map<string, { type: NotifierConfig['type']; sender: Sender; lane: Lane }>()
  for (const config of options.config) {
    const { name, type, perMinuteMax } = config
    const sender = await senderOf(config)
    const path = join(folder, `${fileName(name)}.queue.json`)
    const lane = await openLane({ name, sender, path, perMinuteMax, counters, log, clock })
    notifiers.set(name, { type, sender, lane })
  }

  return {
    notify(name, notification) {
      const notifier = notifiers.get(name)
      if (notifier === undefined) count(counters.notifications, 'unknown')
      else notifier.lane.push(notification)
    },
    async kept() {
      await Promise.all([...notifiers.values()].map(({ lane }) => lane.kept()))
    },
    async test(name) {
      const notifier = notifiers.get(name)
      if (notifier === undefined) return { ok: false, detail: `${name} given, the name of a notifier wanted` }
      const told = [{ notification: testNotification(name, nowMs()), isWhole: false }]
      const { ok, detail } = await notifier.sender.deliver({ told, dropped: 0, reason: 'many' })
      return { ok, detail }
    },
    status: () => [...notifiers].map(([name, { type, lane }]) => ({ name, type, ...lane.status() })),
    actionLinks: links,
    vapidPublicKey: vapid.publicKey,
    subscribePush: (subscription) => subscriptions.add(subscription),
    removePush: (endpoint) => subscriptions.remove(endpoint),
    async close() {
      await Promise.all([...notifiers.values()].map(({ lane, sender }) => lane.close().then(() => sender.close())))
    },
  }
}

/** Names of the configuration are texts; as part of a file's name they are one part. */
const fileName = (name: string): string => encodeURIComponent(name).replaceAll('*', '%2A')

const testChartPoints = 60

function testNotification(notifier: string, atMs: number): Notification {
  return {
    kind: 'test',
    atMs,
    alert: {
      id: `test-${atMs}`,
      rule: 'test',
      severity: 'info',
      labels: {},
      subject: { kind: 'device', site: 'test', device: 'test' },
      state: 'firing',
      title: `Dewpoint reaches ${notifier}`,
      why: 'somebody pressed the test button',
      value: 21.5,
      unit: '°C',
      channel: 'temperature',
      beganAtMs: atMs,
      firedAtMs: atMs,
      resolvedAtMs: null,
      acknowledged: null,
      mutedUntilMs: null,
      suppressed: null,
      devices: [],
    },
    chart: {
      unit: '°C',
      threshold: 23,
      points: Array.from({ length: testChartPoints }, (_, index) => [
        atMs - (testChartPoints - index) * 60_000,
        21 + Math.sin(index / 8),
      ]),
    },
  }
}
