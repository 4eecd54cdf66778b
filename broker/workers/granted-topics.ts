/** What the main process lets a worker take by itself: by connection, and by topic, so that a new subscription ends it for all. */
import { limits } from '../../telemetry/limits.ts'
import type { MessageKind } from '../../telemetry/message.ts'
import { createRate, type Rate } from '../access/rate.ts'
import type { LaneClient, LaneRules, LaneTopic } from '../fast-lane.ts'
import { createRetainedIndex } from '../retained-index.ts'
import type { Grant } from './bodies.ts'

/** `isHeard`: somebody listens, or it is not known any more; it stays so. */
export type GrantedTopic = LaneTopic & { isHeard: boolean }

/** What is known of a connection that was granted something. */
export type Granted = {
  epoch: number
  name: Buffer
  keepAliveMs: number
  /** By the bytes of the name, each of them a character. The one granted first comes first. */
  topics: Map<string, GrantedTopic>
  /** Null: nothing limits the client. */
  rate: Rate | null
  /** Something was taken at the rate that the main process has not been told of. */
  hasTaken: boolean
  /** When the main process was told last that the client lives, milliseconds of performance.now(). */
  toldAliveAt: number
}

export type GrantedClient = LaneClient & { granted: Granted; tellAlive(): void }

export const nothingGranted = (): Granted => ({
  epoch: 0,
  name: Buffer.alloc(0),
  keepAliveMs: 0,
  topics: new Map(),
  rate: null,
  hasTaken: false,
  toldAliveAt: 0,
})

export type GrantedTopics = {
  grant(granted: Granted, grant: Grant): void
  /** Ends the grants of topics that the filter matches. */
  heard(filter: string): void
}

export function createGrantedTopics(): GrantedTopics {
  const known = createRetainedIndex<GrantedTopic>()

  function heard(filter: string): void {
    for (const topic of [...known.match(filter)]) {
      topic.isHeard = true
      known.delete(topic.bytes.toString())
    }
  }
  function find(name: string, kind: MessageKind): GrantedTopic {
    const found = known.get(name)
    if (found !== undefined) return found
    if (known.size >= limits.topicsKnownMax) heard('#')
    const topic: GrantedTopic = { bytes: Buffer.from(name), kind, isHeard: false }
    known.set(name, topic)
    return topic
  }
  return {
    grant(granted, { topic, kind, epoch, client, isLimited, keepAliveMs }) {
      granted.epoch = epoch
      granted.name = Buffer.from(client)
      granted.keepAliveMs = keepAliveMs
      if (isLimited) granted.rate ??= createRate()
      const { topics } = granted
      const found = find(topic, kind)
      const key = found.bytes.toString('latin1')
      topics.delete(key)
      if (topics.size >= limits.grantsPerConnectionMax) topics.delete(topics.keys().next().value as string)
      topics.set(key, found)
    },
    heard,
  }
}

const notGranted: GrantedTopic = { bytes: Buffer.alloc(0), kind: 0, isHeard: true }

/** The rules of the fast lane in a worker. */
export const grantedRules: LaneRules<GrantedClient, GrantedTopic> = {
  topicOf: ({ granted }, bytes, at, end) => granted.topics.get(bytes.toString('latin1', at, end)) ?? notGranted,
  mayPublish: (_client, topic) => topic !== notGranted,
  isHeard: ({ isHeard }) => isHeard,
  takesNow({ granted }, bytes) {
    const { rate } = granted
    if (rate === null) return true
    granted.hasTaken = true
    return rate.takesNow(bytes, performance.now())
  },
  epochOf: ({ granted }) => granted.epoch,
  nameOf: ({ granted }) => granted.name,
  sawAlive(client) {
    const { granted } = client
    if (granted.keepAliveMs === 0) return
    const nowMs = performance.now()
    if (nowMs - granted.toldAliveAt < granted.keepAliveMs / 4) return
    granted.toldAliveAt = nowMs
    client.tellAlive()
  },
}
