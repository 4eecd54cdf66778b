/**
 * A PUBLISH that is made once and then only copied: what changes from message to message has a fixed width and stands at a
 * fixed place.
 */

export type PublishTemplate = {
  readonly bytes: number
  /** Writes message number `n` at `at` of `into`, which has room; answers where the next one begins. */
  write(into: Buffer, at: number, packetId: number, n: number, nowMs: number): number
}

/** Digits with blanks before them, as JSON takes them: `{"seq":         7}`. */
const widths = { '{n}': 10, '{time}': 13, '{value}': 5 } as const
type Place = keyof typeof widths
type Gap = { place: Place; at: number }
const blank = 32
const zero = 48

/** `topic` as it is; `payload` with {n} a number that counts up, {time} milliseconds since 1970, {value} 3.000 to 3.999. */
export function createTemplate(topic: string, payload: string | Buffer, qos: 0 | 1): PublishTemplate {
  const { body, gaps } = typeof payload === 'string' ? cut(payload) : { body: payload, gaps: [] }
  const name = Buffer.from(topic)
  const packetIdBytes = qos === 0 ? 0 : 2
  const length = 2 + name.length + packetIdBytes + body.length
  const head = Buffer.from([0x30 | (qos << 1), ...remainingLength(length), name.length >> 8, name.length & 0xff])
  const packetIdAt = head.length + name.length
  const payloadAt = packetIdAt + packetIdBytes
  const packet = Buffer.concat([head, name, Buffer.alloc(packetIdBytes), body])
  return {
    bytes: packet.length,
    write(into, at, packetId, n, nowMs) {
      into.set(packet, at)
      if (qos === 1) {
        into[at + packetIdAt] = packetId >> 8
        into[at + packetIdAt + 1] = packetId & 0xff
      }
      for (const { place, at: offset } of gaps) fill(into, at + payloadAt + offset, place, n, nowMs)
      return at + packet.length
    },
  }
}

function fill(into: Buffer, at: number, place: Place, n: number, nowMs: number): void {
  if (place === '{n}') digits(into, at, widths[place], n, blank)
  else if (place === '{time}') digits(into, at, widths[place], nowMs, zero)
  else {
    // The value moves from reading to reading, as a measured one does.
    into[at] = zero + 3
    into[at + 1] = 46
    digits(into, at + 2, 3, (n * 7919) % 1000, zero)
  }
}

function digits(into: Buffer, at: number, width: number, value: number, padding: number): void {
  let left = value
  let place = at + width
  do {
    const tens = Math.floor(left / 10)
    into[--place] = zero + left - 10 * tens
    left = tens
  } while (left > 0 && place > at)
  while (place > at) into[--place] = padding
}

function cut(payload: string): { body: Buffer; gaps: Gap[] } {
  const gaps: Gap[] = []
  const parts: Buffer[] = []
  let at = 0
  for (const part of payload.split(/(\{n\}|\{time\}|\{value\})/)) {
    const width = widths[part as Place]
    if (width !== undefined) gaps.push({ place: part as Place, at })
    const bytes = width === undefined ? Buffer.from(part) : Buffer.alloc(width, ' ')
    parts.push(bytes)
    at += bytes.length
  }
  return { body: Buffer.concat(parts), gaps }
}

/** [MQTT-2.2.3] */
function remainingLength(length: number): number[] {
  const bytes: number[] = []
  for (let left = length; ; left >>= 7) {
    if (left < 128) return [...bytes, left]
    bytes.push((left & 127) | 128)
  }
}
