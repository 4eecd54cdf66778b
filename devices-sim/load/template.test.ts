import { generate, type IPublishPacket, parser } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { createTemplate } from './template.ts'

function parsed(bytes: Buffer): IPublishPacket[] {
  const found: IPublishPacket[] = []
  const reading = parser()
  reading.on('packet', (packet) => found.push(packet as IPublishPacket))
  reading.parse(bytes)
  return found
}

test('template writes packets that mqtt-packet reads, each with its own number, time and identifier', () => {
  const template = createTemplate('sensors/load/d1/voltage', '{"v":{value},"t":{time},"seq":{n}}', 1)
  const bytes = Buffer.alloc(template.bytes * 3)
  let at = 0
  for (const [i, n] of [0, 7, 4_294_967_295].entries()) at = template.write(bytes, at, 500 + i, n, 1_790_000_000_123)
  expect(at).toBe(bytes.length)
  const packets = parsed(bytes)
  expect(packets.map(({ topic, qos, messageId }) => [topic, qos, messageId])).toEqual(
    [500, 501, 502].map((id) => ['sensors/load/d1/voltage', 1, id]),
  )
  expect(packets.map(({ payload }) => JSON.parse(payload.toString()))).toEqual([
    { v: 3, t: 1_790_000_000_123, seq: 0 },
    { v: 3.433, t: 1_790_000_000_123, seq: 7 },
    { v: expect.any(Number), t: 1_790_000_000_123, seq: 4_294_967_295 },
  ])
})

test.each([0, 1, 127, 128, 16_383, 20_000])('template of %d bytes is what mqtt-packet would write', (size) => {
  for (const qos of [0, 1] as const) {
    const payload = Buffer.alloc(size, 'x')
    const template = createTemplate('a/b', payload, qos)
    const bytes = Buffer.alloc(template.bytes)
    template.write(bytes, 0, 513, 1, 0)
    const packet = { cmd: 'publish', topic: 'a/b', payload, qos, dup: false, retain: false } as const
    expect(bytes.equals(generate(qos === 0 ? packet : { ...packet, messageId: 513 }))).toBe(true)
  }
})
