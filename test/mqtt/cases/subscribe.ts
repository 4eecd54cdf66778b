/** SUBSCRIBE [§3.8], SUBACK [§3.9], UNSUBSCRIBE [§3.10], filters [§4.7]. */
import type { Case } from '../case.ts'
import { byte, packet, puback, publish, subscribe, text, unsubscribe, word } from '../packets.ts'
import { type Target, unique } from '../targets.ts'

const closes =
  (...packets: Buffer[]) =>
  async (target: Target) => {
    const peer = await target.connected({})
    peer.send(...packets)
    await peer.expectClosed()
  }
function same(given: unknown, expected: unknown): void {
  if (JSON.stringify(given) !== JSON.stringify(expected))
    throw new Error(`${JSON.stringify(given)} in place of ${JSON.stringify(expected)}`)
}

export const cases: Case[] = [
  {
    name: 'connection is closed when SUBSCRIBE has no filter',
    shows: ['3.8.3-3'],
    run: closes(packet(0x82, word(1))),
  },
  {
    name: 'connection is closed when SUBSCRIBE asks for QoS 3',
    shows: ['3.8.3-4'],
    run: closes(subscribe(1, ['a', 3])),
  },
  {
    name: 'connection is closed when reserved bits of a requested QoS are set',
    shows: ['3.8.3-4'],
    run: closes(subscribe(1, ['a', 0x40])),
  },
  {
    name: 'connection is closed when a filter has no QoS behind it',
    shows: ['3.8.3-4'],
    run: closes(packet(0x82, word(1), text('a'))),
  },
  {
    name: 'connection is closed when UNSUBSCRIBE has no filter',
    shows: ['3.10.3-2'],
    mended: true,
    run: closes(packet(0xa2, word(1))),
  },
  ...(
    [
      ['', '4.7.3-1', false],
      ['a#', '4.7.1-2', true],
      ['a/#/b', '4.7.1-2', false],
      ['#/a', '4.7.1-2', false],
      ['##', '4.7.1-2', false],
      ['a+', '4.7.1-3', true],
      ['+a', '4.7.1-3', true],
      ['a/+b', '4.7.1-3', false],
      ['a/b+/c', '4.7.1-3', false],
      ['++', '4.7.1-3', true],
    ] as const
  ).map(
    ([filter, statement, mended]): Case => ({
      name: `connection is closed when the filter of a SUBSCRIBE is "${filter}"`,
      shows: [statement],
      ...(mended && { mended: true }),
      run: closes(subscribe(1, [filter, 0])),
    }),
  ),
  {
    name: 'SUBACK has the packet identifier and a code for each filter, in their order',
    shows: ['2.3.1-7', '3.8.4-1', '3.8.4-2', '3.8.4-4', '3.8.4-5', '3.9.3-1', '3.9.3-2'],
    async run(target) {
      const peer = await target.connected({})
      const topic = unique('t')
      peer.send(subscribe(0x1234, [topic, 2], [`${topic}/+`, 0], [`${topic}/#`, 1], ['+/+/+/x', 2]))
      same((await peer.expect('suback')).body.toString('hex'), '123402000102')
    },
  },
  {
    name: 'SUBACK has a code for each filter when one of them comes twice',
    shows: ['3.8.4-4', '3.8.4-5'],
    mended: true,
    async run(target) {
      const peer = await target.connected({})
      const topic = unique('t')
      peer.send(subscribe(1, [topic, 0], ['other', 2], [topic, 1]))
      const codes = [...(await peer.expect('suback')).body.subarray(2)]
      same([codes.length, codes[1], codes[2]], [3, 2, 1])
    },
  },
  {
    name: 'SUBSCRIBE again takes the place of the subscription and brings the retained message again',
    shows: ['3.8.4-3'],
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(publish(topic, 'kept', { qos: 1, id: 1, retain: true }))
      await peer.expect('puback')
      for (const qos of [0, 1]) {
        peer.send(subscribe(2, [topic, qos]))
        await peer.expect('suback')
        const { retain, qos: given, id } = await peer.expectPublish()
        same([retain, given], [true, qos])
        if (qos > 0) peer.send(puback(id))
      }
      const other = await target.connected({})
      other.send(publish(topic, 'live', { qos: 1, id: 1 }))
      same((await peer.expectPublish()).qos, 1)
      await peer.expectNothing()
    },
  },
  {
    name: 'no message is missed while a subscription is made again',
    shows: ['3.8.4-3'],
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(subscribe(1, [topic, 0]))
      await peer.expect('suback')
      const other = await target.connected({})
      for (let i = 0; i < 50; i++) {
        other.send(publish(topic, String(i)))
        peer.send(subscribe(2, [topic, i % 2]))
      }
      let [next, answers] = [0, 0]
      while (next < 50 || answers < 50) {
        const { type, body } = await peer.expectAny()
        if (type === 'suback') answers++
        else same(body.toString('utf8', 2 + body.readUInt16BE(0)), String(next++))
      }
    },
  },
  {
    name: 'UNSUBACK has the packet identifier, and nothing more is delivered',
    shows: ['2.3.1-7', '3.10.4-1', '3.10.4-2', '3.10.4-4', '3.10.4-6'],
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(subscribe(1, [topic, 1], [`${topic}/+`, 1], [`${topic}/x/y`, 1]))
      await peer.expect('suback')
      // Compared byte for byte: the second matches the third's topic, and removes only itself.
      peer.send(unsubscribe(0x4321, topic, `${topic}/+`, `${topic}/#`))
      same((await peer.expect('unsuback')).body.toString('hex'), '4321')
      const other = await target.connected({})
      other.send(publish(topic, '1'), publish(`${topic}/x`, '2'), publish(`${topic}/x/y`, '3'))
      same((await peer.expectPublish()).payload, '3')
      await peer.expectNothing()
    },
  },
  {
    name: 'UNSUBACK answers where there was no subscription',
    shows: ['3.10.4-5'],
    async run(target) {
      const peer = await target.connected({})
      peer.send(unsubscribe(7, unique('t')))
      same((await peer.expect('unsuback')).body.readUInt16BE(0), 7)
    },
  },
  {
    name: 'delivery that has begun is completed after UNSUBSCRIBE',
    shows: ['3.10.4-3'],
    async run(target) {
      const topic = unique('t')
      const name = unique('c')
      const peer = await target.connected({ id: name, clean: false })
      peer.send(subscribe(1, [topic, 1]))
      await peer.expect('suback')
      const other = await target.connected({})
      other.send(publish(topic, 'begun', { qos: 1, id: 1 }))
      const { id } = await peer.expectPublish()
      peer.send(unsubscribe(2, topic))
      await peer.expect('unsuback')
      await peer.drop()
      const again = await target.connected({ id: name, clean: false })
      const { payload, id: sameId, dup } = await again.expectPublish()
      same([payload, sameId, dup], ['begun', id, true])
    },
    mended: true,
  },
  {
    name: 'filters that begin with a wildcard match no topic that begins with $',
    shows: ['4.7.2-1'],
    async run(target) {
      const peer = await target.connected({})
      peer.send(subscribe(1, ['+/broker/version', 0], ['+/+/uptime', 0], ['+/+/birth', 0], ['+/+/new/clients', 0]))
      await peer.expect('suback')
      await peer.expectNothing()
    },
  },
  {
    name: 'topics are told apart by case, by slashes and by spaces',
    shows: ['4.7.3-1', '4.7.3-4'],
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(subscribe(1, [`${topic}/A b`, 0]))
      await peer.expect('suback')
      const other = await target.connected({})
      for (const it of [`${topic}/a b`, `/${topic}/A b`, `${topic}/A b/`, `${topic}//A b`, `${topic}/A  b`])
        other.send(publish(it, 'wrong'))
      other.send(publish(`${topic}/A b`, 'right'))
      same((await peer.expectPublish()).payload, 'right')
      await peer.expectNothing()
    },
  },
  {
    name: 'empty levels count',
    shows: ['4.7.3-4'],
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(subscribe(1, [`${topic}/+`, 0]))
      await peer.expect('suback')
      const other = await target.connected({})
      other.send(publish(`${topic}/`, '1'), publish(topic, '2'), publish(`${topic}//`, '3'))
      same((await peer.expectPublish()).payload, '1')
      await peer.expectNothing()
    },
  },
  {
    name: 'SUBSCRIBE with a byte too many closes the connection',
    shows: ['3.8.3-4', '4.8.0-1'],
    run: closes(packet(0x82, word(1), text('a'), byte(0), byte(0))),
  },
]
