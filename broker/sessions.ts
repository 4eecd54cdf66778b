/**
 * Bounds what aedes keeps in memory for others: messages for persistent sessions that are away, and retained messages.
 * aedes itself has no bound, so one forgotten subscription to # would fill the memory.
 */
import type { Counters } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'

type Packet = { topic: string; payload: Buffer | string }

/** What is used of aedes-persistence 11. */
export type Persistence = {
  outgoingEnqueueCombi(subscriptions: Array<{ clientId: string }>, packet: Packet): Promise<void>
  /** Resolves with the packet that was removed, if there was one. */
  outgoingClearMessageId(client: { id: string }, packet: unknown): Promise<unknown>
  storeRetained(packet: Packet): Promise<void>
}

export function boundSessions(persistence: Persistence, counters: Counters): void {
  const queued = new Map<string, number>()
  const enqueue = persistence.outgoingEnqueueCombi.bind(persistence)
  persistence.outgoingEnqueueCombi = (subscriptions, packet) => {
    const taken = subscriptions.filter(({ clientId }) => {
      const count = queued.get(clientId) ?? 0
      if (count < limits.sessionQueueMax) queued.set(clientId, count + 1)
      else counters.sessionDropped++
      return count < limits.sessionQueueMax
    })
    return enqueue(taken, packet)
  }
  const clear = persistence.outgoingClearMessageId.bind(persistence)
  persistence.outgoingClearMessageId = async (client, packet) => {
    const removed = await clear(client, packet)
    const count = queued.get(client.id) ?? 0
    if (removed && count > 1) queued.set(client.id, count - 1)
    else if (removed) queued.delete(client.id)
    return removed
  }

  const retained = new Set<string>()
  const store = persistence.storeRetained.bind(persistence)
  persistence.storeRetained = (packet) => {
    if (packet.payload.length === 0) retained.delete(packet.topic)
    else if (retained.has(packet.topic) || retained.size < limits.retainedTopicsMax) retained.add(packet.topic)
    else {
      counters.retainedDropped++
      return Promise.resolve()
    }
    return store(packet)
  }
}
