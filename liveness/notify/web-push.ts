/**
 * Notifications to the browsers of phones, encrypted for each [RFC 8291] and signed as ours [RFC 8292]. The push service keeps them
 * while the phone is off; a subscription that it calls gone is removed, and counted.
 */
import type { Logger } from 'pino'
import webPush from 'web-push'
import type { NotifierConfig } from '../../telemetry/alert.ts'
import type { Counters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { cut } from './escape.ts'
import { outcomeOf, post } from './http.ts'
import { failed, keyOf, type Outcome, rejected, type Sender, sent } from './parcel.ts'
import type { PushSubscription, Subscriptions } from './subscriptions.ts'
import type { Content, Templates } from './templates.ts'

export type VapidKeys = { publicKey: string; privateKey: string }

export type WebPushOptions = {
  config: Extract<NotifierConfig, { type: 'web-push' }>
  templates: Templates
  subscriptions: Subscriptions
  keys: VapidKeys
  counters: Counters
  log: Logger
  nowMs: () => number
}

export const makeVapidKeys = (): VapidKeys => webPush.generateVAPIDKeys()

export function createWebPush(options: WebPushOptions): Sender {
  const { config, templates, subscriptions, keys, counters, log, nowMs } = options
  /** Who has the parcel that is being tried already: the others alone are tried again. */
  let done = { parcel: '', endpoints: new Set<string>() }

  async function push(subscription: PushSubscription, content: Content, payload: string): Promise<Outcome> {
    const { headers, body, endpoint } = webPush.generateRequestDetails(subscription, payload, {
      vapidDetails: { subject: config.contact, ...keys },
      TTL: limits.pushKeepS,
      contentEncoding: 'aes128gcm',
      urgency: content.isOver || content.severity === 'info' ? 'normal' : 'high',
    })
    const sized = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'Content-Length'))
    const answer = await post({ url: endpoint, headers: sized as { [name: string]: string }, body })
    if ('status' in answer && (answer.status === 404 || answer.status === 410)) {
      await subscriptions.remove(endpoint)
      counters.pushSubscriptionsGone++
      return sent
    }
    return outcomeOf(answer, nowMs())
  }

  async function pushSafely(subscription: PushSubscription, content: Content, payload: string): Promise<Outcome> {
    try {
      return await push(subscription, content, payload)
    } catch (error) {
      log.warn({ err: error }, 'a push could not be made')
      return rejected('the push could not be made')
    }
  }

  return {
    takesDigests: true,
    async deliver(parcel) {
      const name = parcel.told.map(({ notification }) => keyOf(notification)).join('\n')
      if (done.parcel !== name) done = { parcel: name, endpoints: new Set() }
      const content = templates.contentOf(parcel)
      const payload = payloadOf(content)
      const open = subscriptions.all().filter(({ endpoint }) => !done.endpoints.has(endpoint))
      const outcomes: Outcome[] = []
      const next = async (): Promise<void> => {
        for (let it = open.pop(); it !== undefined; it = open.pop()) {
          const outcome = await pushSafely(it, content, payload)
          if (outcome.ok || outcome.isFinal) done.endpoints.add(it.endpoint)
          outcomes.push(outcome)
        }
      }
      await Promise.all(Array.from({ length: limits.pushesAtOnce }, next))
      return summaryOf(outcomes)
    },
    close: () => Promise.resolve(),
  }
}

/** Failed as long as a subscription may be tried again; nobody subscribed is nobody to fail. */
function summaryOf(outcomes: Outcome[]): Outcome {
  const problems = outcomes.filter((it) => !it.ok)
  const open = problems.filter((it) => !it.isFinal)
  const [first] = open
  if (first !== undefined) {
    const waits = open.map(({ retryAfterMs }) => retryAfterMs ?? 0)
    return failed(`${open.length} of ${outcomes.length} subscriptions: ${first.detail}`, Math.max(...waits))
  }
  if (problems.length > 0 && problems.length === outcomes.length) return problems[0] as Outcome
  if (outcomes.length === 0) return { ok: true, detail: 'no browser has asked for it yet: nobody was told' }
  const count = outcomes.length - problems.length
  return { ok: true, detail: `sent to ${count} ${count === 1 ? 'subscription' : 'subscriptions'}` }
}

/** What the page's service worker shows: showNotification()'s words. */
function payloadOf(content: Content): string {
  const json = (body: string) =>
    JSON.stringify({
      title: content.title,
      body,
      tag: content.thread,
      severity: content.severity,
      isOver: content.isOver,
      url: content.url,
      actions: content.actions,
    })
  let body = content.text
  while (Buffer.byteLength(json(body)) > limits.pushBytesMax && body.length > 1) body = cut(body, body.length >> 1)
  return json(body)
}
