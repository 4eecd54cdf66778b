/** Where MQTT packets begin and end in what was read; nothing is made for a single one. */
import { limits } from '../telemetry/limits.ts'

/** Not all of the fixed header is there. */
const unfinished = -1
/** There is no end to it. */
const malformed = -2

let remainingLength = 0

/** Where the fixed header ends [MQTT-2.2.3], or `unfinished`, or `malformed`. */
export function bodyOf(bytes: Buffer, at: number): number {
  remainingLength = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + 1 + i]
    if (byte === undefined) return unfinished
    remainingLength |= (byte & 127) << (7 * i)
    if (byte < 128) return at + 2 + i
  }
  return malformed
}

/** Where the packet ends whose body is `body`, as bodyOf() has just told; infinite when that is not known. */
export const endOf = (body: number): number => (body > 0 ? body + remainingLength : Number.POSITIVE_INFINITY)

/** Of a packet that ends behind these bytes: whether its beginning is kept until more has come. Else aedes begins with it. */
export function waitsForMore(bytes: Buffer, at: number, body: number): boolean {
  const isPublish = ((bytes[at] as number) & 0xf0) === 0x30
  return body === unfinished || (isPublish && endOf(body) - at <= limits.packetTailBytesMax)
}
