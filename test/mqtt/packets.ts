/** Packets of MQTT 3.1.1 byte by byte, broken ones as easily as good ones. */

export const text = (it: string | Buffer): Buffer => {
  const bytes = typeof it === 'string' ? Buffer.from(it) : it
  return Buffer.concat([word(bytes.length), bytes])
}
export const word = (it: number): Buffer => Buffer.from([it >> 8, it & 255])
export const byte = (...them: number[]): Buffer => Buffer.from(them)

export function packet(firstByte: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([byte(firstByte), remainingLength(body.length), body])
}

export function remainingLength(length: number): Buffer {
  const bytes: number[] = []
  let rest = length
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.from(bytes)
}

export type Will = { topic: string | Buffer; payload?: string; qos?: number; retain?: boolean }
export type ConnectFields = {
  id: string | Buffer
  clean?: boolean
  keepAliveS?: number
  will?: Will
  username?: string | Buffer
  password?: string
  name?: string
  level?: number
  /** Instead of what the fields say. */
  flags?: number
  /** More behind the last field. */
  rest?: Buffer
}

export function connect(fields: ConnectFields): Buffer {
  const { id, clean = true, keepAliveS = 0, will, username, password, name = 'MQTT', level = 4, rest } = fields
  const willFlags = will === undefined ? 0 : 4 | ((will.qos ?? 0) << 3) | (will.retain ? 0x20 : 0)
  const userFlags = (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40)
  const flags = fields.flags ?? (clean ? 2 : 0) | willFlags | userFlags
  const parts = [text(name), byte(level, flags), word(keepAliveS), text(id)]
  if (will !== undefined) parts.push(text(will.topic), text(will.payload ?? ''))
  for (const it of [username, password]) if (it !== undefined) parts.push(text(it))
  return packet(0x10, ...parts, rest ?? Buffer.alloc(0))
}

export type PublishFields = { qos?: number; id?: number; dup?: boolean; retain?: boolean }
export function publish(topic: string | Buffer, payload: string | Buffer, fields: PublishFields = {}): Buffer {
  const { qos = 0, id = 0, dup = false, retain = false } = fields
  const firstByte = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  return packet(firstByte, text(topic), qos > 0 ? word(id) : Buffer.alloc(0), Buffer.from(payload))
}

export const subscribe = (id: number, ...filters: Array<[filter: string | Buffer, qos: number]>): Buffer =>
  packet(0x82, word(id), ...filters.flatMap(([filter, qos]) => [text(filter), byte(qos)]))
export const unsubscribe = (id: number, ...filters: Array<string | Buffer>): Buffer =>
  packet(0xa2, word(id), ...filters.map(text))

export const puback = (id: number): Buffer => packet(0x40, word(id))
export const pubrec = (id: number): Buffer => packet(0x50, word(id))
export const pubrel = (id: number): Buffer => packet(0x62, word(id))
export const pubcomp = (id: number): Buffer => packet(0x70, word(id))
export const pingreq = packet(0xc0)
export const disconnect = packet(0xe0)
