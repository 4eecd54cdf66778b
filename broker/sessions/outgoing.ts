/** The queue of a session as aedes sees it: what is sent gets its identifier here, and is gone with its acknowledgement. */
import { Readable } from 'node:stream'
import type { OutgoingPacket, Persistence } from './persistence.ts'
import type { Entry, Session } from './state.ts'
import type { SessionStore } from './store.ts'

type Outgoing = Pick<Persistence, 'outgoingUpdate' | 'outgoingClearMessageId' | 'outgoingStream'>

/** `brokerId`: what all packets of this broker carry. */
export function createOutgoing(store: SessionStore, brokerId: string, now: () => number): Outgoing {
  const { sessions } = store.state

  const byId = (session: Session, id: number | undefined) => (id === undefined ? undefined : session.entries.get(id))
  const byMessageId = (session: Session, id: number | undefined) =>
    id === undefined ? undefined : session.byMessageId.get(id)

  function toPacket({ id, topic, payload, qos, messageId, isReleased }: Entry): OutgoingPacket {
    // What has an identifier was sent before [MQTT-3.3.1-1]; it keeps it [MQTT-4.4.0-1].
    const sent = messageId === null ? { dup: false } : { dup: !isReleased, messageId }
    return {
      cmd: isReleased ? 'pubrel' : 'publish',
      topic,
      payload,
      qos: isReleased ? 1 : qos,
      retain: false,
      brokerId,
      brokerCounter: id,
      ...sent,
    }
  }

  return {
    async outgoingUpdate({ id: client }, packet) {
      const session = sessions.get(client)
      if (session === undefined) return
      const entry = byId(session, packet.brokerCounter) ?? byMessageId(session, packet.messageId)
      // Not kept: beyond a limit, or a retained message. It is on its way all the same.
      if (entry === undefined) return
      if (packet.cmd === 'pubrel') {
        // Sent again as PUBLISH after a PUBCOMP, it would be another message: first the disk, then the PUBREL.
        if (!entry.isReleased) await store.change(['released', client, entry.id])
        return
      }
      packet.messageId = freeId(session, entry, packet.messageId as number)
      if (entry.messageId === packet.messageId) return
      // With QoS 2 the same message must never go out by another identifier.
      if (entry.qos === 2) await store.change(['sent', client, entry.id, packet.messageId])
      else store.note(['sent', client, entry.id, packet.messageId])
    },
    async outgoingClearMessageId({ id: client }, packet) {
      const session = sessions.get(client)
      if (session === undefined) return undefined
      // What was never sent has no identifier yet.
      const entry = byMessageId(session, packet.messageId) ?? byId(session, packet.brokerCounter)
      if (entry === undefined) return undefined
      const cleared = toPacket(entry)
      store.note(['gone', client, entry.id])
      return cleared
    },
    outgoingStream({ id: client }) {
      const entries = [...(sessions.get(client)?.entries.values() ?? [])]
      return Readable.from(entries.filter((entry) => entry.isReleased || entry.expiresAtMs > now()).map(toPacket))
    },
  }
}

/** aedes counts identifiers up from anywhere, and would come upon one in use [MQTT-2.3.1-2]. */
function freeId(session: Session, entry: Entry, wanted: number): number {
  let id = wanted
  for (let other = session.byMessageId.get(id); other !== undefined && other !== entry; ) {
    id = (id % 65_535) + 1
    other = session.byMessageId.get(id)
  }
  return id
}
