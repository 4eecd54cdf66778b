/**
 * Retained messages go out no faster than their subscriber reads, and at no higher QoS than it was granted
 * [MQTT-3.8.4-6]. aedes knows the QoS of equal filters only, and we let it wait for nobody (slow-subscriber.ts).
 */
import { Readable } from 'node:stream'
import type { Client, Subscription } from 'aedes'
import { limits } from '../../telemetry/limits.ts'
import { type AedesClient, internals, type RawPacket } from '../aedes-internals.ts'
import { flushed } from './flushed.ts'
import type { Mend } from './mend.ts'

const denied = 128

export const paceRetained = (): Mend => ({
  listening(aedes) {
    const { persistence } = aedes
    // aedes tells of the SUBSCRIBE and asks for its retained messages in one go.
    let asking: { client: AedesClient; subscriptions: Subscription[] } | null = null
    aedes.on('subscribe', (subscriptions: Subscription[], client: Client) => {
      asking = { client: internals(client), subscriptions }
    })
    const createStream = persistence.createRetainedStreamCombi.bind(persistence)
    persistence.createRetainedStreamCombi = (filters) => {
      if (asking === null) return createStream(filters)
      const { client, subscriptions } = asking
      asking = null
      const granted = subscriptions.filter(({ qos }) => (qos as number) !== denied)
      send(client, granted).catch((error) => client.emit('error', error))
      return Readable.from([])
    }
    async function send(client: AedesClient, granted: Subscription[]): Promise<void> {
      for (const { topic: filter, qos: qosMax } of granted) {
        for (const found of persistence.matchRetained(filter)) {
          if (client.conn.writableLength > limits.storedBacklogBytesMax) await flushed(client)
          if (client.closed) return
          const { topic, payload, qos } = found
          // Without an owner it goes through no check of duplicates.
          const packet = {
            cmd: 'publish',
            topic,
            payload,
            qos: Math.min(qos, qosMax),
            retain: true,
            dup: false,
            brokerId: null,
          }
          await new Promise<void>((resolve) => client.deliverQoS(packet as RawPacket, resolve))
        }
      }
    }
  },
})
