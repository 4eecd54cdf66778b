/**
 * The queue of a session: one copy of a message for each client, at the QoS that it was granted, without the
 * publisher's RETAIN and DUP [MQTT-3.3.1-3], [MQTT-3.3.1-9]; what was sent before goes out with DUP [MQTT-3.3.1-1],
 * and everything no faster than the client reads.
 */
import { Readable } from 'node:stream'
import mqtt from 'mqtt-packet'
import { limits } from '../../telemetry/limits.ts'
import type { AedesClient, RawPacket } from '../aedes-internals.ts'
import { flushed } from './flushed.ts'
import type { Mend } from './mend.ts'

type Match = { clientId: string; topic: string; qos: number }

export const mendSessionQueue = (): Mend => ({
  listening({ persistence }) {
    const enqueue = persistence.outgoingEnqueueCombi.bind(persistence)
    persistence.outgoingEnqueueCombi = async (subscriptions, packet) => {
      const groups = groupByQos(subscriptions as Match[], (packet as RawPacket).qos)
      for (const [qos, matches] of groups) {
        const copy: RawPacket = { ...(packet as RawPacket), qos, retain: false, dup: false }
        await enqueue(matches, copy)
      }
    }
    const createStream = persistence.outgoingStream.bind(persistence)
    persistence.outgoingStream = (client) => {
      const queue: AsyncIterable<RawPacket> = createStream(client)
      const sent = client.clean ? clear(client, queue) : send(client, queue)
      sent.catch((error) => client.emit('error', error))
      return Readable.from([])
    }
    /** What a session before left is no part of a clean one [MQTT-3.1.2-6]. */
    async function clear(client: AedesClient, queue: AsyncIterable<RawPacket>): Promise<void> {
      for await (const packet of queue) await persistence.outgoingClearMessageId(client as { id: string }, packet)
    }
    const update = persistence.outgoingUpdate.bind(persistence)
    // A PUBREC of a message that was never queued, a retained one: it is answered like any other [MQTT-4.3.3-1].
    persistence.outgoingUpdate = (client, packet) =>
      packet.cmd === 'pubrel' ? update(client, packet).catch(() => {}) : update(client, packet)
  },
})

function groupByQos(matches: Match[], qosMax: number): Map<number, Match[]> {
  const best = new Map<string, Match>()
  for (const match of matches) {
    const other = best.get(match.clientId)
    if (other === undefined || other.qos < match.qos) best.set(match.clientId, match)
  }
  const groups = new Map<number, Match[]>()
  for (const match of best.values()) {
    const qos = Math.min(match.qos, qosMax)
    const group = groups.get(qos)
    if (group === undefined) groups.set(qos, [match])
    else group.push(match)
  }
  return groups
}

/** In place of aedes, which reads some packets ahead, of whatever size. */
async function send(client: AedesClient, queue: AsyncIterable<RawPacket>): Promise<void> {
  for await (const packet of queue) {
    if (client.conn.writableLength > limits.storedBacklogBytesMax) await flushed(client)
    if (client.closed) return
    if (packet.cmd === 'publish') {
      // An identifier is given when a packet is first sent.
      const again = { ...packet, dup: packet.messageId !== undefined }
      await new Promise<void>((resolve) => client.deliverQoS(again, resolve))
    } else mqtt.writeToStream({ cmd: 'pubrel', messageId: packet.messageId as number }, client.conn)
  }
}
