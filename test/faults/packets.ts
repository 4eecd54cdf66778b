/**
 * The few MQTT 3.1.1 packets that a publisher of QoS 1 needs, written by hand: a library between test and broker would
 * hide what was on the wire, and would decide by itself what to send again.
 */
function packet(header: number, body: Buffer): Buffer {
  const length: number[] = []
  for (let rest = body.length; length.length === 0 || rest > 0; rest >>= 7) {
    length.push((rest & 127) | (rest > 127 ? 128 : 0))
  }
  return Buffer.concat([Buffer.from([header, ...length]), body])
}

function word(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

const text = (value: string): Buffer => Buffer.concat([word(Buffer.byteLength(value)), Buffer.from(value)])

/** Clean Session 0: a device with a session must send again what was not acknowledged [MQTT-4.4.0-1]. Keep Alive: none. */
export const connectPacket = (client: string): Buffer =>
  packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, 0]), word(0), text(client)]))

export type Publish = { topic: string; packetId: number; payload: Buffer; dup: boolean }

export const publishPacket = ({ topic, packetId, payload, dup }: Publish): Buffer =>
  packet(0x32 | (dup ? 8 : 0), Buffer.concat([text(topic), word(packetId), payload]))

export type Answer = { kind: 'connack'; code: number } | { kind: 'puback'; packetId: number }

/** Splits what the broker sent into packets; to a publisher it sends only CONNACK and PUBACK, of four bytes each. */
export function parseAnswers(bytes: Buffer): { answers: Answer[]; rest: Buffer } {
  const answers: Answer[] = []
  let offset = 0
  for (; offset + 4 <= bytes.length; offset += 4) {
    const header = bytes[offset]
    if (bytes[offset + 1] !== 2)
      throw new Error(`not expected from a broker: ${bytes.subarray(offset).toString('hex')}`)
    if (header === 0x20) answers.push({ kind: 'connack', code: bytes[offset + 3] as number })
    else if (header === 0x40) answers.push({ kind: 'puback', packetId: bytes.readUInt16BE(offset + 2) })
    else throw new Error(`not expected from a broker: ${bytes.subarray(offset).toString('hex')}`)
  }
  return { answers, rest: bytes.subarray(offset) }
}
