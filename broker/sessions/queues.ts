/** Who keeps a message, for how long, and what a limit drops: always counted, and remembered for a while. */
import { type Counters, count } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Change, Queued } from './change.ts'
import { matchesFilter } from './filter.ts'
import type { Match, PublishedPacket } from './persistence.ts'
import { type Entry, type State, sizeOfEntry, sizeOfRetained } from './state.ts'
import type { SessionStore } from './store.ts'

/** Topics whose messages wait shorter or longer than others. */
export type CommandRules = { topics: readonly string[]; expiryMs: number }

export type Lost = { client: string; topic: string; queuedAtMs: number; lostAtMs: number; why: 'expired' | 'dropped' }

export type Queues = {
  expiresAtMs(topic: string, nowMs: number): number
  /** What keeps the packet for those who match; null when it is for nobody. */
  queued(matches: Match[], packet: PublishedPacket, id: number, expiresAtMs: number): Queued | null
  /** What retains it, or ends it; null when a limit is reached. */
  retained(packet: PublishedPacket): Change | null
  /** Ends what has expired; `end` ends a whole session. */
  sweep(end: (client: string) => void): void
  /** The latest messages that were not delivered and are gone, the oldest first. */
  lost(): readonly Lost[]
}

export function createQueues(store: SessionStore, rules: CommandRules, counters: Counters, now: () => number): Queues {
  const { state } = store
  const lost: Lost[] = []

  function lose(client: string, { topic, queuedAtMs }: Pick<Entry, 'topic' | 'queuedAtMs'>, why: Lost['why']): void {
    count(counters.sessionLost, why)
    lost.push({ client, topic, queuedAtMs, lostAtMs: now(), why })
    if (lost.length > limits.commandsListedMax) lost.shift()
  }

  return {
    expiresAtMs: (topic, nowMs) =>
      nowMs + (rules.topics.some((filter) => matchesFilter(filter, topic)) ? rules.expiryMs : limits.commandExpiryMs),
    queued(matches, { topic, payload, qos }, id, expiresAtMs) {
      const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
      const best = new Map<string, number>()
      for (const match of matches) {
        // No higher than it was asked for [MQTT-3.8.4-6], once for each client [MQTT-3.3.5-1].
        const granted = Math.min(match.qos, qos)
        if (granted > 0) best.set(match.clientId, Math.max(granted, best.get(match.clientId) ?? 0))
      }
      const size = sizeOfEntry(topic, bytes)
      let room = limits.queuedBytesMax - state.queuedBytes()
      const queuedAtMs = now()
      const to = [...best].filter(([client]) => {
        const isTaken = size <= room && hasRoom(state, client, size)
        if (isTaken) room -= size
        else lose(client, { topic, queuedAtMs }, 'dropped')
        return isTaken
      })
      return to.length === 0 ? null : ['queued', id, to, topic, bytes, queuedAtMs, expiresAtMs]
    },
    retained({ topic, payload, qos }) {
      const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
      const before = state.retained.get(topic)
      const grown = sizeOfRetained(topic, bytes) - (before === undefined ? 0 : sizeOfRetained(topic, before.payload))
      const isFull =
        (before === undefined && state.retained.size >= limits.retainedTopicsMax) ||
        (grown > 0 && state.retainedBytes() + grown > limits.retainedBytesMax)
      if (bytes.length > 0 && isFull) {
        counters.retainedDropped++
        return null
      }
      return ['retained', topic, bytes, qos]
    },
    sweep(end) {
      const nowMs = now()
      for (const [client, session] of state.sessions) {
        const isOver = session.leftAtMs !== null && session.leftAtMs + limits.sessionExpiryMs <= nowMs
        if (isOver) counters.sessionsExpired++
        for (const entry of session.entries.values()) {
          if (entry.isReleased || (!isOver && entry.expiresAtMs > nowMs)) continue
          lose(client, entry, 'expired')
          if (!isOver) store.note(['gone', client, entry.id])
        }
        if (isOver) end(client)
      }
    },
    lost: () => lost,
  }
}

function hasRoom(state: State, client: string, bytes: number): boolean {
  const session = state.sessions.get(client)
  if (session === undefined) return true
  return session.entries.size < limits.sessionQueueMax && session.bytes + bytes <= limits.sessionQueueBytesMax
}
