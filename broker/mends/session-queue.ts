/**
 * The queue of a session is sent no faster than its client reads, what was sent before with DUP [MQTT-3.3.1-1]. What
 * stands in it, and how often, is the business of sessions/.
 */
import { Readable } from 'node:stream'
import mqtt from 'mqtt-packet'
import { limits } from '../../telemetry/limits.ts'
import type { AedesClient, RawPacket } from '../aedes-internals.ts'
import type { OutgoingPacket } from '../sessions/persistence.ts'
import { flushed } from './flushed.ts'
import type { Mend } from './mend.ts'

export const mendSessionQueue = (): Mend => ({
  listening({ persistence }) {
    const createStream = persistence.outgoingStream.bind(persistence)
    persistence.outgoingStream = (named) => {
      // aedes asks for connections only.
      const client = named as AedesClient
      // What a session before left is no part of a clean one [MQTT-3.1.2-6].
      if (!client.clean) send(client, createStream(client)).catch((error) => client.emit('error', error))
      return Readable.from([])
    }
  },
})

/** In place of aedes, which reads some packets ahead, of whatever size. */
async function send(client: AedesClient, queue: AsyncIterable<OutgoingPacket>): Promise<void> {
  for await (const packet of queue) {
    if (client.conn.writableLength > limits.storedBacklogBytesMax) await flushed(client)
    if (client.closed) return
    if (packet.cmd === 'publish') {
      // An identifier is given when a packet is first sent.
      const again = { ...packet, dup: packet.messageId !== undefined } as unknown as RawPacket
      await new Promise<void>((resolve) => client.deliverQoS(again, resolve))
    } else mqtt.writeToStream({ cmd: 'pubrel', messageId: packet.messageId as number }, client.conn)
  }
}
