/**
 * What passes in MQTT packets, counted as mosquitto does, without a look at any socket: bytes are those of whole packets.
 * What the fast lane takes is counted at its way into the journal, where each packet passes by in any case.
 */
import type { Counters, TrafficCounters } from '../telemetry/counters.ts'
import type { PacketEntrance } from '../telemetry/message.ts'
import type { RawPacket } from './aedes-internals.ts'

/** Of a packet with such a remaining length [MQTT-2.2.3]. */
const wireBytes = (remaining: number): number =>
  remaining + (remaining < 128 ? 2 : remaining < 16_384 ? 3 : remaining < 2_097_152 ? 4 : 5)

/** A packet that was parsed, or that is about to be written. */
export function countPacket(traffic: TrafficCounters, packet: RawPacket): void {
  traffic.packets++
  if (packet.cmd !== 'publish') {
    traffic.bytes += wireBytes((packet.length as number | undefined) ?? answerBytes(packet))
    return
  }
  const { topic, payload, qos } = packet
  const payloadBytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
  traffic.publishes++
  traffic.publishBytes += payloadBytes
  traffic.bytes += wireBytes(2 + Buffer.byteLength(topic) + (qos > 0 ? 2 : 0) + payloadBytes)
}

/** A PUBLISH that is written past aedes. */
export function countPublishSent({ mqtt: { sent } }: Counters, bytes: number, payloadBytes: number): void {
  sent.packets++
  sent.publishes++
  sent.publishBytes += payloadBytes
  sent.bytes += bytes
}

/** Remaining length of what a server sends [MQTT-3.2 to 3.13]: SUBACK holds a code for each filter, PINGRESP nothing. */
function answerBytes({ cmd, granted }: RawPacket): number {
  if (cmd === 'suback') return 2 + (granted?.length ?? 0)
  return cmd === 'pingresp' ? 0 : 2
}

/**
 * The same entrance; what it takes counts as received, and the PUBACK that is due for it as sent. `took` is told of each
 * message, by the epoch of its connection.
 */
export function countedPackets(
  packets: PacketEntrance,
  { mqtt: { received, sent } }: Counters,
  took: (epoch: number, payloadBytes: number) => void,
): PacketEntrance {
  return {
    append(packet) {
      const position = packets.append(packet)
      if (position === -1) return -1
      const { qos, topicAt, topicEnd, payloadAt, payloadEnd } = packet
      const payloadBytes = payloadEnd - payloadAt
      received.packets++
      received.publishes++
      received.publishBytes += payloadBytes
      received.bytes += wireBytes(2 + topicEnd - topicAt + 2 * qos + payloadBytes)
      sent.packets += qos
      sent.bytes += 4 * qos
      took(packet.epoch, payloadBytes)
      return position
    },
    onSettled: packets.onSettled,
    unsynced: packets.unsynced,
  }
}
