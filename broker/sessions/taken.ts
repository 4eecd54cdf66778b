/**
 * QoS 2 packets of clients between PUBREC and PUBREL. Of a session they outlive the process: a packet that is sent again
 * after a restart is known for what it is [MQTT-4.3.3-2].
 */
import type { PublishPacket } from 'aedes'
import { limits } from '../../telemetry/limits.ts'
import type { Change } from './change.ts'
import type { Persistence } from './persistence.ts'
import type { SessionStore } from './store.ts'

type Named = { id: string; clean?: boolean }
type Taken = Pick<Persistence, 'incomingStorePacket' | 'incomingGetPacket' | 'incomingDelPacket' | 'cleanIncoming'>

/** `keep`: puts on disk what must be there before the packet is answered, and `more` together with it. */
export function createTaken(
  store: SessionStore,
  keep: (packet: PublishPacket, ...more: Change[]) => Promise<void>,
): Taken {
  const { sessions } = store.state
  /** Of clients whose session ends with the connection. */
  const passing = new Map<string, Set<number>>()
  const isKept = (client: Named) => !client.clean && (sessions.has(client.id) || sessions.size < limits.sessionsMax)
  const isTaken = ({ id, clean }: Named, messageId: number) =>
    passing.get(id)?.has(messageId) || (!clean && sessions.get(id)?.taken.has(messageId))

  return {
    async incomingStorePacket(client, packet) {
      const messageId = (packet as { messageId?: number }).messageId as number
      // Together: found again without its place in the queues, it would be answered and delivered to nobody.
      if (isKept(client)) return keep(packet, ['taken', client.id, messageId])
      await keep(packet)
      const ids = passing.get(client.id)
      if (ids === undefined) passing.set(client.id, new Set([messageId]))
      else ids.add(messageId)
    },
    async incomingGetPacket(client, packet) {
      if (!isTaken(client, packet.messageId)) throw new Error('no such packet')
      return { messageId: packet.messageId }
    },
    async incomingDelPacket(client, { messageId }) {
      if (passing.get(client.id)?.delete(messageId)) return
      if (!isTaken(client, messageId)) throw new Error('no such packet')
      // Before PUBCOMP: from there on the client may use the identifier for another message.
      await store.change(['completed', client.id, messageId])
    },
    async cleanIncoming(client) {
      passing.delete(client.id)
      // aedes calls it for a clean connection that ends, when the client may be back with a session.
      const ids = client.clean === true ? undefined : sessions.get(client.id)?.taken
      if (ids !== undefined) {
        await store.change(...[...ids].map((messageId): Change => ['completed', client.id, messageId]))
      }
    },
  }
}
