/** What each admitted client may do. Asked for every message, so answers of a client are remembered with it. */
import type { Counters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Identity } from './identity.ts'
import { createRate, type Rate, type RateAhead } from './rate.ts'
import { createTopicAccess, type TopicRules } from './topic-access.ts'

type Client = object

type Rights = {
  identity: Identity
  isRevoked: boolean
  /** Topics found to be allowed, the latest last. */
  publishable: string[]
  receivable: string[]
  /** Null: nothing came yet. */
  rate: Rate | null
}

export type ClientRights = {
  grant(client: Client, identity: Identity): void
  /** From now on it may nothing. */
  revoke(client: Client): void
  /** Whether the identity may publish there, before it is granted anything. */
  allows(identity: Pick<Identity, 'device'>, topic: string): boolean
  mayPublish(client: Client, topic: string): boolean
  maySubscribe(client: Client, filter: string): boolean
  mayReceive(client: Client, topic: string): boolean
  waitMs(client: Client, bytes: number): number
  takesNow(client: Client, bytes: number): boolean
  rateOf(client: Client): ClientRate | null
}

/** The rate of a limited client, for whoever takes messages of it elsewhere. */
export type ClientRate = { ahead(): RateAhead; catchUp(ahead: RateAhead): void }

/** `rules`: null: none are configured. Topics that begin with $ are another matter (topic-rules.ts), but for reading. */
export function createClientRights(rules: TopicRules | null, counters: Counters, nowMs: () => number): ClientRights {
  const topics = createTopicAccess(rules ?? { publish: [], subscribe: [] })
  const granted = new WeakMap<Client, Rights>()

  function remembered(known: string[], topic: string, ask: () => boolean): boolean {
    if (known.includes(topic)) return true
    if (!ask()) return false
    if (known.length >= limits.topicsRememberedPerClient) known.shift()
    known.push(topic)
    return true
  }

  /** Who is connected and what they subscribe to is the operators' business, where there are any. */
  const isOpen = ({ kind }: Identity, topic: string) => kind === 'operator' || rules === null || !topic.startsWith('$')

  return {
    grant(client, identity) {
      granted.set(client, { identity, isRevoked: false, publishable: [], receivable: [], rate: null })
    },
    revoke(client) {
      const rights = granted.get(client)
      if (rights !== undefined) rights.isRevoked = true
    },
    allows: ({ device }, topic) => device === null || topics.mayPublish(device, topic),
    mayPublish(client, topic) {
      const rights = granted.get(client)
      if (rights === undefined || rights.isRevoked) return false
      const { device } = rights.identity
      return device === null || remembered(rights.publishable, topic, () => topics.mayPublish(device, topic))
    },
    maySubscribe(client, filter) {
      const rights = granted.get(client)
      if (rights === undefined || rights.isRevoked) return false
      const { device } = rights.identity
      return device === null ? isOpen(rights.identity, filter) : topics.maySubscribe(device, filter)
    },
    mayReceive(client, topic) {
      const rights = granted.get(client)
      if (rights === undefined || rights.isRevoked) return false
      const { device } = rights.identity
      // A session may have been granted more before than it is now.
      if (device === null) return isOpen(rights.identity, topic)
      return remembered(rights.receivable, topic, () => topics.mayReceive(device, topic))
    },
    waitMs(client, bytes) {
      const rights = granted.get(client)
      if (rights === undefined || rights.identity.device === null) return 0
      rights.rate ??= createRate()
      const waitMs = rights.rate.waitMs(bytes, nowMs())
      if (waitMs > 0) counters.throttled++
      return waitMs
    },
    takesNow(client, bytes) {
      const rights = granted.get(client)
      if (rights === undefined || rights.identity.device === null) return true
      rights.rate ??= createRate()
      return rights.rate.takesNow(bytes, nowMs())
    },
    rateOf(client) {
      const rights = granted.get(client)
      if (rights === undefined || rights.identity.device === null) return null
      rights.rate ??= createRate()
      const { rate } = rights
      return { ahead: () => rate.ahead(nowMs()), catchUp: (ahead) => rate.catchUp(ahead, nowMs()) }
    },
  }
}
