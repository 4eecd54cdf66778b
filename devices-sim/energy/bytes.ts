/**
 * Bytes of MQTT on the network: IPv4 and TCP without options, TLS records, acknowledgements of TCP, handshakes. The figures were
 * captured between mqtt.js and aedes on loopback; an IPv6 header is 20 bytes longer, a radio adds its own framing.
 */
import type { Profile } from '../profile.ts'

export type Tls = Profile['tls']
/** Both ways, of one cause. */
export type TwoWay = { up: number; down: number }

const segmentHeader = 40
const segmentBytes = 1460
const pubackBytes = 4
const pingBytes = 2
const disconnectBytes = 2

/**
 * record: header, nonce, type and tag of a record (AES-GCM) [RFC 8446 §5.2, RFC 5288]. handshake: all of it with its TCP segments,
 * for a certificate of 400 bytes and no intermediate one (a public authority adds 1.5 to 3 KB); resumed: by a ticket; roundTrips
 * and processor time: with curves in hardware a Cortex-M4 needs 0.5 to 1.5 s for signatures and key agreement, and next to
 * nothing for a shared key.
 */
const tlsFigures: { [tls in Tls]: { record: number; full: Handshake; resumed: Handshake } } = {
  none: {
    record: 0,
    full: { bytes: 0, roundTrips: 0, processorS: 0 },
    resumed: { bytes: 0, roundTrips: 0, processorS: 0 },
  },
  '1.2': {
    record: 29,
    full: { bytes: 1526, roundTrips: 2, processorS: 1.1 },
    resumed: { bytes: 872, roundTrips: 1, processorS: 0.1 },
  },
  '1.3': {
    record: 22,
    full: { bytes: 1985, roundTrips: 1, processorS: 0.75 },
    resumed: { bytes: 1190, roundTrips: 1, processorS: 0.1 },
  },
  '1.2-psk': {
    record: 29,
    full: { bytes: 810, roundTrips: 2, processorS: 0.1 },
    resumed: { bytes: 810, roundTrips: 1, processorS: 0.1 },
  },
}
type Handshake = { bytes: number; roundTrips: number; processorS: number }
/** Of a handshake the device sends the smaller part: hello, key share, finished, and acknowledgements. */
const handshakeUpPart = 0.4

export const tlsHandshake = (tls: Tls, isResumed: boolean): Handshake => tlsFigures[tls][isResumed ? 'resumed' : 'full']

/** TCP, TLS, CONNECT and CONNACK of so many MQTT bytes. */
export function connectBytes(tls: Tls, isResumed: boolean, mqttUp: number, mqttDown: number): TwoWay {
  const { record } = tlsFigures[tls]
  const { bytes } = tlsHandshake(tls, isResumed)
  return {
    // SYN and ACK; CONNECT; the acknowledgement of CONNACK.
    up: 4 * segmentHeader + mqttUp + record + bytes * handshakeUpPart,
    down: 3 * segmentHeader + mqttDown + record + bytes * (1 - handshakeUpPart),
  }
}

/** DISCONNECT, the alert that ends TLS, and both ends of TCP. */
export function disconnectBytesOf(tls: Tls): TwoWay {
  const { record } = tlsFigures[tls]
  const alert = tls === 'none' ? 0 : 2 + record
  return { up: 2 * segmentHeader + disconnectBytes + record + alert, down: 2 * segmentHeader }
}

/**
 * What TCP and TLS add to a PUBLISH of so many bytes, and its acknowledgement. TCP acknowledges every second segment
 * [RFC 9293 §3.8.6.3], and later with the PUBACK, but at once in the beginning of a connection (Linux).
 */
export function publishBytes(
  tls: Tls,
  mqttBytes: number,
  isAcknowledged: boolean,
  isFresh: boolean,
): { overhead: number; acknowledgement: TwoWay } {
  const { record } = tlsFigures[tls]
  const segments = Math.ceil((mqttBytes + record) / segmentBytes)
  const acknowledgements = Math.ceil(segments / 2) * segmentHeader
  return {
    overhead: segments * segmentHeader + record,
    acknowledgement: isAcknowledged
      ? { up: segmentHeader, down: pubackBytes + record + acknowledgements + (isFresh ? segmentHeader : 0) }
      : { up: 0, down: acknowledgements },
  }
}

/** PINGREQ, and PINGRESP with its acknowledgement. */
export function pingBytesOf(tls: Tls): TwoWay {
  const { record } = tlsFigures[tls]
  return { up: pingBytes + record + 2 * segmentHeader, down: pingBytes + record + segmentHeader }
}

/** [MQTT-3.3] without topic and payload: fixed header, lengths, packet identifier of QoS 1. */
export function publishHeaderBytes(topicBytes: number, payloadBytes: number, qos: 0 | 1): number {
  const remaining = 2 + topicBytes + 2 * qos + payloadBytes
  return 1 + (remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4) + 2 + 2 * qos
}
