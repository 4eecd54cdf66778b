/** For tests: the journal's way in for whole packets, as the broker sees it: takes everything, and has it synced a moment later. */
import type { Message, PacketEntrance, Qos } from '../telemetry/message.ts'

export function createShortWay(take: (message: Message) => void): PacketEntrance {
  const listeners: Array<Parameters<PacketEntrance['onSettled']>[0]> = []
  let position = 0
  return {
    append({ kind, qos, dup, packetId, epoch, client, bytes, topicAt, topicEnd, payloadAt, payloadEnd }) {
      const cut = (at: number, end: number) => Buffer.from(bytes.subarray(at, end))
      const [topic, payload] = [cut(topicAt, topicEnd).toString(), cut(payloadAt, payloadEnd)]
      const name = Buffer.from(client).toString()
      take({ kind, qos: qos as Qos, dup, retain: false, packetId, epoch, client: name, topic, payload })
      const end = ++position
      setImmediate(() => {
        for (const listener of listeners) listener(end, null)
      })
      return end
    },
    onSettled: (listener) => void listeners.push(listener),
    unsynced: () => 0,
  }
}
