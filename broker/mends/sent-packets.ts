/** The only sight of what a client is sent: aedes writes every packet by one function of mqtt-packet, which is watched here. */
import mqtt, { type Packet } from 'mqtt-packet'
import type { TrafficCounters } from '../../telemetry/counters.ts'
import type { AedesClient, RawPacket } from '../aedes-internals.ts'
import { countPacket } from '../traffic.ts'

/** May change the packet. */
type Watch = (client: AedesClient, packet: RawPacket) => void
const watchedBy = new WeakMap<AedesClient, Watch[]>()
const sentBy = new WeakMap<object, TrafficCounters>()
let isWatching = false

/** Calls `watch` for each PUBLISH of QoS 1 and 2, PUBREL and SUBACK that the client is sent, before it is written. */
export function watchSent(client: AedesClient, watch: Watch): void {
  if (!isWatching) patch()
  const watches = watchedBy.get(client)
  if (watches === undefined) watchedBy.set(client, [watch])
  else watches.push(watch)
}

/** Counts every packet that clients of the broker are sent. */
export function countSent(broker: object, sent: TrafficCounters): void {
  if (!isWatching) patch()
  sentBy.set(broker, sent)
}

function patch(): void {
  isWatching = true
  const write = mqtt.writeToStream
  const watched = (packet: Packet, stream: NodeJS.WritableStream, options?: object): boolean => {
    const { client } = stream as { client?: AedesClient }
    const sent = client && sentBy.get(client.broker)
    if (sent !== undefined) countPacket(sent, packet as unknown as RawPacket)
    if ((packet.cmd === 'publish' && packet.qos > 0) || packet.cmd === 'pubrel' || packet.cmd === 'suback') {
      const watches = client === undefined ? undefined : watchedBy.get(client)
      for (const watch of watches ?? []) watch(client as AedesClient, packet as unknown as RawPacket)
    }
    return write(packet, stream, options)
  }
  const cacheNumbers = Object.getOwnPropertyDescriptor(write, 'cacheNumbers') as PropertyDescriptor
  mqtt.writeToStream = Object.defineProperty(watched, 'cacheNumbers', cacheNumbers) as typeof write
}
