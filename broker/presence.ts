/**
 * Numbers connections and puts their begin and end on the same path as their readings. Which of two connections of one
 * client came later is told by the journal's order, never by the order in which sockets happen to close.
 */
import type { Client } from 'aedes'
import type { NextEpoch } from '../telemetry/epoch.ts'
import { type Accept, type DisconnectReason, lifeCycle, MessageKind } from '../telemetry/message.ts'
import { internals } from './aedes-internals.ts'
import { isLost } from './workers/relay-stream.ts'

export type Presence = {
  /** Resolves when the journal holds the connect. */
  begin(client: Client, details: { keepAliveS: number; clean: boolean; willTopic?: string }): Promise<void>
  epochOf(client: Client): number
  sawKeepAliveTimeout(client: Client): void
  /** From here on connections end because we do: their ends say nothing about the devices. */
  stop(): void
}

export function createPresence(
  accept: Accept,
  abandon: (epoch: number) => void,
  nextEpoch: NextEpoch,
  onLost: (error: unknown) => void,
  ended: (client: Client, epoch: number, reason: DisconnectReason) => void,
): Presence {
  const epochs = new WeakMap<Client, number>()
  const timedOut = new WeakSet<Client>()
  const latest = new Map<string, number>()
  let stopped = false

  function end(client: Client, epoch: number): void {
    abandon(epoch)
    const isReplaced = latest.get(client.id) !== epoch
    if (!isReplaced) latest.delete(client.id)
    if (stopped) return
    const reason: DisconnectReason = internals(client)._disconnected
      ? 'client'
      : isReplaced
        ? 'replaced'
        : isLost(client)
          ? 'worker'
          : timedOut.has(client)
            ? 'keepalive'
            : 'closed'
    accept(lifeCycle(MessageKind.disconnect, client.id, epoch, '', { reason })).catch(onLost)
    ended(client, epoch, reason)
  }

  return {
    begin(client, details) {
      const epoch = nextEpoch()
      epochs.set(client, epoch)
      latest.set(client.id, epoch)
      internals(client).conn.once('close', () => end(client, epoch))
      const address = internals(client).conn.remoteAddress ?? ''
      return accept(lifeCycle(MessageKind.connect, client.id, epoch, '', { address, ...details }))
    },
    epochOf: (client) => epochs.get(client) ?? 0,
    sawKeepAliveTimeout: (client) => timedOut.add(client),
    stop() {
      stopped = true
    },
  }
}
