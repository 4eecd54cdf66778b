/** Messages to devices that sleep: sent with QoS 1, so that they wait in the device's session for its next wake. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'aedes'
import { type Counters, count } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { PublishedPacket } from './persistence.ts'
import type { Sessions } from './sessions.ts'

/**
 * `delivered`: sessions whose client has acknowledged it, and clients without a session that it was handed to. `waiting`:
 * sessions that get it when their client wakes.
 */
export type CommandAnswer = { result: 'delivered' | 'waiting' | 'nobody'; delivered: string[]; waiting: string[] }

export type PendingCommand = {
  client: string
  topic: string
  payload: Buffer
  queuedAtMs: number
  expiresAtMs: number
  /** It was sent, and is not acknowledged. */
  isSent: boolean
}

/** Not delivered, and gone: it waited for too long, or the queue was full. */
export type LostCommand = {
  client: string
  topic: string
  queuedAtMs: number
  lostAtMs: number
  why: 'expired' | 'dropped'
}

export type Commands = {
  /** `expiresAtMs`: null when the configuration decides. */
  send(topic: string, payload: Buffer, expiresAtMs: number | null): Promise<CommandAnswer>
  /** What waits for the device, a client of this name or a topic that names it; null: for anybody. Oldest first, bounded. */
  pending(device: string | null): PendingCommand[]
  lost(device: string | null): LostCommand[]
  /** Call it for each packet that is handed to a client. */
  handed(client: Client, packet: { brokerCounter?: number }): void
}

export function createCommands(
  sessions: Sessions,
  publish: (packet: PublishedPacket) => Promise<void>,
  counters: Counters,
): Commands {
  const watched = new Map<number, Set<string>>()
  const isFor = (device: string | null, client: string, topic: string) =>
    device === null || client === device || topic.split('/').includes(device)

  return {
    async send(topic, payload, expiresAtMs) {
      const packet: PublishedPacket = { topic, payload, qos: 1, retain: false }
      const { id, clients: kept } = await sessions.keepCommand(packet, expiresAtMs)
      const handed = new Set<string>()
      watched.set(id, handed)
      await publish(packet).finally(() => watched.delete(id))
      const isOpen = (client: string) => sessions.state.sessions.get(client)?.entries.has(id) === true
      const deadline = Date.now() + limits.commandAnswerMsMax
      while (kept.some((client) => handed.has(client) && isOpen(client)) && Date.now() < deadline) await sleep(20)
      const waiting = kept.filter(isOpen)
      const delivered = [...handed].filter((client) => !waiting.includes(client))
      const result = waiting.length > 0 ? 'waiting' : delivered.length > 0 ? 'delivered' : 'nobody'
      count(counters.commands, result)
      return { result, delivered, waiting }
    },
    pending(device) {
      const found: PendingCommand[] = []
      for (const [client, { entries }] of sessions.state.sessions) {
        for (const { topic, payload, queuedAtMs, expiresAtMs, messageId, isReleased } of entries.values()) {
          if (isReleased || expiresAtMs <= Date.now() || !isFor(device, client, topic)) continue
          found.push({ client, topic, payload, queuedAtMs, expiresAtMs, isSent: messageId !== null })
          if (found.length === limits.commandsListedMax) return found
        }
      }
      return found
    },
    lost: (device) => sessions.lost().filter(({ client, topic }) => isFor(device, client, topic)),
    handed(client, { brokerCounter }) {
      if (watched.size > 0 && brokerCounter !== undefined) watched.get(brokerCounter)?.add(client.id)
    },
  }
}
