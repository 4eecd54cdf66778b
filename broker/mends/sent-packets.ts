/** The only sight of what a client is sent: aedes writes every packet by one function of mqtt-packet, which is watched here. */
import mqtt, { type Packet } from 'mqtt-packet'
import type { AedesClient, RawPacket } from '../aedes-internals.ts'

/** May change the packet. */
type Watch = (client: AedesClient, packet: RawPacket) => void
const watchedBy = new WeakMap<AedesClient, Watch[]>()
let isWatching = false

/** Calls `watch` for each PUBLISH of QoS 1 and 2, PUBREL and SUBACK that the client is sent, before it is written. */
export function watchSent(client: AedesClient, watch: Watch): void {
  if (!isWatching) patch()
  const watches = watchedBy.get(client)
  if (watches === undefined) watchedBy.set(client, [watch])
  else watches.push(watch)
}

function patch(): void {
  isWatching = true
  const write = mqtt.writeToStream
  const watched = (packet: Packet, stream: NodeJS.WritableStream, options?: object): boolean => {
    if ((packet.cmd === 'publish' && packet.qos > 0) || packet.cmd === 'pubrel' || packet.cmd === 'suback') {
      const { client } = stream as { client?: AedesClient }
      const watches = client === undefined ? undefined : watchedBy.get(client)
      for (const watch of watches ?? []) watch(client as AedesClient, packet as unknown as RawPacket)
    }
    return write(packet, stream, options)
  }
  const cacheNumbers = Object.getOwnPropertyDescriptor(write, 'cacheNumbers') as PropertyDescriptor
  mqtt.writeToStream = Object.defineProperty(watched, 'cacheNumbers', cacheNumbers) as typeof write
}
