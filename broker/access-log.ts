/**
 * Who connects, subscribes, publishes and leaves: a line each, for a sample of the clients. Which clients are in it is told
 * by a hash of the client identifier, so that a client's whole story stands in the log, after its next connect and on
 * another day, too. Texts are what hostile clients chose; payloads and passwords are never there.
 */
import { createHash } from 'node:crypto'
import type { Client, PublishPacket } from 'aedes'
import type { Logger } from 'pino'
import type { Counters } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import { internals } from './aedes-internals.ts'
import { logText } from './log-text.ts'

/** Fractions of the clients, 0 to 1. */
export type AccessLogConfig = {
  /** Whose connects, subscriptions and disconnects are logged. */
  connects: number
  /** Whose messages are logged besides. */
  publishes: number
}

export type Admitted = { account: string; address: string; keepAliveS: number; clean: boolean; willTopic?: string }

export type AccessLog = {
  /** Call it before anything else about the connection. */
  admitted(client: Client, epoch: number, details: Admitted): void
  /** Whether its messages are to be told one by one, which only the long way does. */
  follows(client: object): boolean
  /** A message came the long way; told when `taken` resolves, which comes back. */
  published(client: Client, packet: PublishPacket, isWill: boolean, taken: Promise<void>): Promise<void>
  /** A message came by the fast lane. */
  took(epoch: number, payloadBytes: number): void
  delivered(client: Client): void
  /** As aedes tells it: with the QoS that was granted, 128 where it was denied. */
  subscribed(client: Client, subscriptions: Array<{ topic: string; qos: number }>): void
  unsubscribed(client: Client, filters: string[]): void
  ended(client: Client, epoch: number, reason: string): void
}

/** Of a connection whose client is in the sample. */
type Story = {
  account: string
  sinceMs: number
  isFollowed: boolean
  published: number
  publishedBytes: number
  delivered: number
}

export function createAccessLog(config: AccessLogConfig, counters: Counters, log: Logger): AccessLog {
  const { publishes } = config
  const connects = Math.max(config.connects, publishes)
  const stories = new WeakMap<object, Story>()
  const byEpoch = new Map<number, Story>()
  let second = 0
  let lines = 0
  let leftOut = 0
  /** Of the packet before: those of a connection come many at a time. */
  let last: { epoch: number; story: Story | undefined } = { epoch: -1, story: undefined }

  function write(access: string, client: Client, { account }: Story, details: object): void {
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) {
      second = now
      lines = 0
    }
    if (++lines > limits.accessLogLinesPerS) {
      leftOut++
      counters.accessLogLeftOut++
      return
    }
    const who = { client: logText(client.id), account: logText(account) }
    log.info({ access, ...who, ...details, ...(leftOut > 0 && { leftOut }) }, access)
    leftOut = 0
  }

  function countPublish(story: Story, bytes: number): void {
    story.published++
    story.publishedBytes += bytes
  }

  return {
    admitted(client, epoch, { account, address, willTopic, ...details }) {
      const share = connects === 0 ? 1 : shareOf(client.id)
      if (share >= connects) return
      const story: Story = {
        account,
        sinceMs: performance.now(),
        isFollowed: share < publishes,
        published: 0,
        publishedBytes: 0,
        delivered: 0,
      }
      stories.set(client, story)
      byEpoch.set(epoch, story)
      const will = willTopic === undefined ? {} : { will: logText(willTopic) }
      write('connect', client, story, { address, ...details, ...will })
    },
    follows: (client) => stories.get(client)?.isFollowed === true,
    published(client, { topic, payload, qos, retain, dup }, isWill, taken) {
      const story = stories.get(client)
      if (story === undefined) return taken
      if (!isWill) countPublish(story, payload.length)
      if (!story.isFollowed) return taken
      const flags = { ...(retain && { retain }), ...(dup && { dup }) }
      const details = { topic: logText(topic), qos, bytes: payload.length, ...flags }
      return taken.then(() => write(isWill ? 'will' : 'publish', client, story, details))
    },
    took(epoch, payloadBytes) {
      if (byEpoch.size === 0) return
      if (epoch !== last.epoch) last = { epoch, story: byEpoch.get(epoch) }
      if (last.story !== undefined) countPublish(last.story, payloadBytes)
    },
    delivered(client) {
      const story = stories.get(client)
      if (story !== undefined) story.delivered++
    },
    subscribed(client, subscriptions) {
      const story = stories.get(client)
      if (story === undefined) return
      const shown = subscriptions.slice(0, limits.logFiltersMax)
      const filters = shown.map(({ topic, qos }) => ({ filter: logText(topic), qos }))
      write('subscribe', client, story, { filters, ...more(subscriptions) })
    },
    unsubscribed(client, all) {
      const story = stories.get(client)
      // aedes tells it of all filters when a connection ends, too.
      if (story === undefined || internals(client).closed) return
      write('unsubscribe', client, story, { filters: all.slice(0, limits.logFiltersMax).map(logText), ...more(all) })
    },
    ended(client, epoch, reason) {
      const story = stories.get(client)
      if (story === undefined) return
      byEpoch.delete(epoch)
      if (last.epoch === epoch) last = { epoch: -1, story: undefined }
      const { sinceMs, published, publishedBytes, delivered } = story
      const seconds = Math.round(performance.now() - sinceMs) / 1000
      // Why we ended it ourselves, or what the network said.
      const { errored } = internals(client).conn
      const detail = reason === 'closed' && errored ? { detail: logText(errored.message) } : {}
      write('disconnect', client, story, { reason, ...detail, seconds, published, publishedBytes, delivered })
    },
  }
}

const more = (all: unknown[]): object => (all.length > limits.logFiltersMax ? { of: all.length } : {})

/** From 0 to below 1, always the same for a client identifier, and evenly spread over all of them. */
function shareOf(clientId: string): number {
  return createHash('sha256').update(clientId).digest().readUInt32BE(0) / 2 ** 32
}
