/** PUBLISH [§3.3], its acknowledgements [§3.4 to §3.7], packet identifiers [§2.3.1], delivery by QoS [§4.3], order [§4.6]. */
import type { Case } from '../case.ts'
import {
  connect,
  disconnect,
  packet,
  pingreq,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  subscribe,
  text,
  word,
} from '../packets.ts'
import type { Peer } from '../peer.ts'
import { type Target, unique } from '../targets.ts'

async function subscriber(target: Target, filter: string, qos: number, fields = {}): Promise<Peer> {
  const peer = await target.connected(fields)
  peer.send(subscribe(1, [filter, qos]))
  const { body } = await peer.expect('suback')
  if (body[2] !== qos) throw new Error(`QoS ${body[2]} granted`)
  return peer
}
const sends =
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
  ...[1, 2].map(
    (qos): Case => ({
      name: `connection is closed when a PUBLISH of QoS ${qos} has packet identifier 0`,
      shows: ['2.3.1-1'],
      mended: true,
      run: sends(publish(unique('t'), 'x', { qos, id: 0 })),
    }),
  ),
  {
    name: 'connection is closed when SUBSCRIBE has packet identifier 0',
    shows: ['2.3.1-1'],
    mended: true,
    run: sends(subscribe(0, ['a', 0])),
  },
  {
    name: 'connection is closed when UNSUBSCRIBE has packet identifier 0',
    shows: ['2.3.1-1'],
    mended: true,
    run: sends(packet(0xa2, word(0), text('a'))),
  },
  ...[
    ['PUBACK', 0x40],
    ['PUBREC', 0x50],
    ['PUBREL', 0x62],
    ['PUBCOMP', 0x70],
  ].flatMap(([name, firstByte]): Case[] => [
    {
      name: `connection is closed when ${name} has packet identifier 0`,
      shows: ['2.3.1-1', '4.8.0-1'],
      mended: true,
      run: sends(packet(firstByte as number, word(0)), pingreq),
    },
    {
      name: `connection is closed when ${name} is too short`,
      shows: ['4.8.0-1'],
      mended: true,
      run: sends(packet(firstByte as number, Buffer.from([1])), pingreq),
    },
  ]),
  {
    name: 'connection is closed when a PUBLISH of QoS 1 ends before its packet identifier',
    shows: ['2.3.1-1'],
    mended: true,
    run: sends(packet(0x32, text('abc')), pingreq),
  },
  {
    name: 'connection is closed when a PUBLISH has QoS 3',
    shows: ['3.3.1-4'],
    run: sends(packet(0x36, text('abc'), word(1))),
  },
  {
    name: 'connection is closed when a PUBLISH of QoS 0 has DUP set',
    shows: ['3.3.1-2'],
    mended: true,
    notMosquitto: '2.0.11 takes it',
    run: sends(publish(unique('t'), 'x', { dup: true }), pingreq),
  },
  {
    name: 'connection is closed when the topic is longer than its packet',
    shows: ['3.3.2-1'],
    run: sends(packet(0x30, word(200), Buffer.from('abc'))),
  },
  ...['a/+', 'a/#', '#', '+', 'a+', 'a#b'].map(
    (topic): Case => ({
      name: `connection is closed when the topic of a PUBLISH is ${topic}`,
      shows: ['3.3.2-2', '4.7.1-1'],
      run: sends(publish(topic, 'x')),
    }),
  ),
  {
    name: 'connection is closed when the topic of a PUBLISH is empty',
    shows: ['4.7.3-1'],
    run: sends(publish('', 'x')),
  },
  {
    name: 'PUBLISH of QoS 0 has no packet identifier and gets no answer',
    shows: ['2.3.1-5', '3.3.4-1', '4.3.1-1', '3.3.2-3'],
    async run(target) {
      const topic = unique('t')
      const watcher = await subscriber(target, topic, 2)
      const peer = await target.connected({})
      peer.send(publish(topic, 'x'))
      same(await watcher.expectPublish(), { topic, payload: 'x', qos: 0, dup: false, retain: false, id: 0 })
      await peer.expectNothing()
    },
  },
  {
    name: 'PUBACK answers a PUBLISH of QoS 1 with its packet identifier',
    shows: ['2.3.1-6', '3.3.4-1', '4.3.2-2'],
    async run(target) {
      const peer = await target.connected({})
      peer.send(publish(unique('t'), 'x', { qos: 1, id: 65_535 }))
      same((await peer.expect('puback')).body.readUInt16BE(0), 65_535)
    },
  },
  {
    name: 'PUBLISH of QoS 1 with a packet identifier used before is a new one, whatever its DUP',
    shows: ['4.3.2-2'],
    async run(target) {
      const topic = unique('t')
      const watcher = await subscriber(target, topic, 0)
      const peer = await target.connected({})
      for (const [payload, dup] of [
        ['1', false],
        ['2', true],
      ] as const) {
        peer.send(publish(topic, payload, { qos: 1, id: 5, dup }))
        await peer.expect('puback')
        same((await watcher.expectPublish()).payload, payload)
      }
    },
  },
  {
    name: 'QoS 2 is delivered once when PUBLISH and PUBREL come again',
    shows: ['2.3.1-6', '3.3.4-1', '4.3.3-2', '4.5.0-1'],
    async run(target) {
      const topic = unique('t')
      const watcher = await subscriber(target, topic, 0)
      const peer = await target.connected({})
      for (const dup of [false, true]) {
        peer.send(publish(topic, '1', { qos: 2, id: 9, dup }))
        same((await peer.expect('pubrec')).body.readUInt16BE(0), 9)
      }
      for (let i = 0; i < 2; i++) {
        peer.send(pubrel(9))
        same((await peer.expect('pubcomp')).body.readUInt16BE(0), 9)
      }
      same((await watcher.expectPublish()).payload, '1')
      peer.send(publish(topic, '2', { qos: 2, id: 9 }))
      await peer.expect('pubrec')
      peer.send(pubrel(9))
      await peer.expect('pubcomp')
      same((await watcher.expectPublish()).payload, '2')
      await watcher.expectNothing()
    },
  },
  {
    name: 'QoS 2 is delivered once when the same PUBLISH comes twice at once',
    shows: ['4.3.3-2'],
    mended: true,
    async run(target) {
      const topic = unique('t')
      const watcher = await subscriber(target, topic, 0)
      const peer = await target.connected({})
      const same = publish(topic, '1', { qos: 2, id: 9 })
      peer.send(same, same, pubrel(9))
      await watcher.expectPublish()
      await watcher.expectNothing()
    },
  },
  {
    name: 'QoS 2 goes to a subscriber in two steps',
    shows: ['2.3.1-4', '4.3.3-1'],
    async run(target) {
      const topic = unique('t')
      const watcher = await subscriber(target, topic, 2)
      const peer = await target.connected({})
      peer.send(publish(topic, '1', { qos: 2, id: 9 }), pubrel(9))
      const { qos, dup, id } = await watcher.expectPublish()
      same([qos, dup, id > 0], [2, false, true])
      watcher.send(pubrec(id))
      same((await watcher.expect('pubrel')).body.readUInt16BE(0), id)
      watcher.send(pubcomp(id))
      await watcher.expectNothing()
    },
  },
  {
    name: 'packet identifiers of the server differ while they are not acknowledged',
    shows: ['2.3.1-2', '2.3.1-4', '4.3.2-1'],
    notMosquitto: 'sends no more than 20 at once',
    async run(target) {
      const topic = unique('t')
      const watcher = await subscriber(target, topic, 1)
      const peer = await target.connected({})
      const ids = new Set<number>()
      for (let i = 1; i <= 200; i++) peer.send(publish(topic, String(i), { qos: 1, id: i }))
      for (let i = 1; i <= 200; i++) ids.add((await watcher.expectPublish()).id)
      same([ids.size, ids.has(0)], [200, false])
    },
  },
  ...[
    ['PUBACK', 'QoS 2', 2, puback],
    ['PUBCOMP', 'QoS 2', 2, pubcomp],
    ['PUBREC', 'QoS 1', 1, pubrec],
    ['PUBCOMP', 'QoS 1', 1, pubcomp],
  ].map(
    ([name, what, qos, answer]): Case => ({
      name: `connection is closed when ${name} answers a PUBLISH of ${what}`,
      shows: ['4.8.0-1', '4.3.2-1', '4.3.3-1'],
      mended: true,
      async run(target) {
        const topic = unique('t')
        const watcher = await subscriber(target, topic, qos as number)
        const peer = await target.connected({})
        peer.send(publish(topic, '1', { qos: qos as number, id: 9 }), ...(qos === 2 ? [pubrel(9)] : []))
        const { id } = await watcher.expectPublish()
        watcher.send((answer as typeof puback)(id))
        await watcher.expectClosed()
      },
    }),
  ),
  {
    name: 'DUP of the publisher does not reach the subscriber',
    shows: ['3.3.1-3'],
    mended: true,
    async run(target) {
      const topic = unique('t')
      const watcher = await subscriber(target, topic, 1)
      const peer = await target.connected({})
      peer.send(publish(topic, '1', { qos: 1, id: 9, dup: true }))
      same((await watcher.expectPublish()).dup, false)
    },
  },
  {
    name: 'retained message comes with RETAIN to a new subscription, without it to one that stands',
    shows: ['3.3.1-5', '3.3.1-6', '3.3.1-8', '3.3.1-9'],
    async run(target) {
      const topic = unique('t')
      const early = await subscriber(target, topic, 1)
      const peer = await target.connected({})
      peer.send(publish(topic, 'kept', { qos: 1, id: 1, retain: true }))
      await peer.expect('puback')
      same((await early.expectPublish()).retain, false)
      const late = await subscriber(target, topic, 1)
      const { payload, qos, retain } = await late.expectPublish()
      same([payload, qos, retain], ['kept', 1, true])
    },
  },
  {
    name: 'retained message of QoS 0 takes the place of the one before',
    shows: ['3.3.1-7'],
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(
        publish(topic, 'old', { qos: 1, id: 1, retain: true }),
        publish(topic, 'new', { retain: true }),
        publish('x', '', { qos: 1, id: 2 }),
      )
      await peer.expect('puback')
      await peer.expect('puback')
      const late = await subscriber(target, topic, 1)
      same((await late.expectPublish()).payload, 'new')
    },
  },
  {
    name: 'retained message is removed when an empty one comes, which itself is delivered and not kept',
    shows: ['3.3.1-10', '3.3.1-11'],
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(publish(topic, 'kept', { qos: 1, id: 1, retain: true }))
      await peer.expect('puback')
      const early = await subscriber(target, topic, 0)
      same((await early.expectPublish()).payload, 'kept')
      peer.send(publish(topic, '', { qos: 1, id: 2, retain: true }))
      await peer.expect('puback')
      const { payload, retain } = await early.expectPublish()
      same([payload, retain], ['', false])
      const late = await subscriber(target, topic, 0)
      await late.expectNothing()
    },
  },
  {
    name: 'retained message stays when another comes without RETAIN',
    shows: ['3.3.1-12'],
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(publish(topic, 'kept', { qos: 1, id: 1, retain: true }), publish(topic, 'x', { qos: 1, id: 2 }))
      await peer.expect('puback')
      await peer.expect('puback')
      const late = await subscriber(target, topic, 0)
      same((await late.expectPublish()).payload, 'kept')
      await late.expectNothing()
    },
  },
  {
    name: 'retained message outlives the session that published it',
    shows: ['3.1.2-7'],
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(publish(topic, 'kept', { retain: true }), disconnect)
      await peer.expectClosed()
      const late = await subscriber(target, topic, 0)
      same((await late.expectPublish()).payload, 'kept')
    },
  },
  {
    name: 'PUBLISH with RETAIN and SUBSCRIBE right behind it: the message comes as a retained one',
    shows: ['3.3.1-6', '3.3.1-8'],
    mended: true,
    async run(target) {
      for (let i = 0; i < 20; i++) {
        const topic = unique('t')
        const peer = await target.connected({})
        peer.send(publish(topic, 'kept', { qos: 1, id: 1, retain: true }), subscribe(2, [topic, 0]))
        await peer.expect('puback')
        await peer.expect('suback')
        same((await peer.expectPublish()).retain, true)
        await peer.expectNothing(10)
      }
    },
  },
  {
    name: 'subscriber gets no higher QoS than it was granted',
    shows: ['3.8.4-6'],
    mended: true,
    async run(target) {
      for (const granted of [0, 1]) {
        const topic = unique('t')
        const watcher = await subscriber(target, `${topic}/+`, granted)
        const peer = await target.connected({})
        peer.send(publish(`${topic}/a`, 'x', { qos: 2, id: 3, retain: true }), pubrel(3))
        same((await watcher.expectPublish()).qos, granted)
        const late = await subscriber(target, `${topic}/#`, granted)
        same((await late.expectPublish()).qos, granted)
      }
    },
  },
  {
    name: 'overlapping subscriptions bring the message at the highest QoS granted',
    shows: ['3.3.5-1'],
    notMosquitto: '2.0.11 sends one copy, at the QoS of one of them',
    async run(target) {
      const topic = unique('t')
      const watcher = await target.connected({})
      watcher.send(subscribe(1, [`${topic}/a`, 0], [`${topic}/#`, 2], [`${topic}/+`, 1]))
      await watcher.expect('suback')
      const peer = await target.connected({})
      peer.send(publish(`${topic}/a`, 'x', { qos: 2, id: 3 }), pubrel(3))
      const qos = [(await watcher.expectPublish()).qos]
      // Copies for the other subscriptions are allowed.
      for (const it of [1, 2])
        await watcher.expectPublish().then(
          (more) => qos.push(more.qos),
          () => it,
        )
      same(Math.max(...qos), 2)
    },
    mended: true,
  },
  {
    name: 'messages of one client arrive in their order, for each QoS',
    shows: ['4.6.0-5', '4.6.0-6'],
    async run(target) {
      for (const qos of [0, 1]) {
        const topic = unique('t')
        const watcher = await subscriber(target, topic, qos)
        const peer = await target.connected({})
        peer.send(...Array.from({ length: 50 }, (_, i) => publish(topic, String(i), { qos, id: i + 1 })))
        for (let i = 0; i < 50; i++) {
          const it = await watcher.expectPublish()
          same(it.payload, String(i))
          if (qos > 0) watcher.send(puback(it.id))
        }
      }
    },
  },
  {
    name: 'no message is lost when retained and other messages of QoS 0 come together',
    shows: ['4.5.0-1'],
    mended: true,
    async run(target) {
      const topic = unique('t')
      const watcher = await subscriber(target, `${topic}/#`, 0)
      const peer = await target.connected({})
      peer.send(publish(`${topic}/a`, '1', { retain: true }), publish(`${topic}/b`, '2'))
      const payloads = [(await watcher.expectPublish()).payload, (await watcher.expectPublish()).payload]
      same(payloads.sort(), ['1', '2'])
    },
  },
  {
    name: 'PUBLISH of 150 levels is taken and delivered',
    shows: ['4.7.3-3'],
    mended: true,
    async run(target) {
      const topic = `${unique('t')}${'/x'.repeat(149)}`
      const watcher = await subscriber(target, `${topic.split('/')[0]}/#`, 0)
      const peer = await target.connected({})
      peer.send(publish(topic, 'deep', { qos: 1, id: 1 }))
      await peer.expect('puback')
      same((await watcher.expectPublish()).topic, topic)
    },
  },
  {
    name: 'connection is closed when a PUBLISH is not allowed',
    shows: ['3.3.5-2'],
    notMosquitto: 'takes it and drops it, which is the other way the standard leaves',
    async run(target) {
      const peer = await target.connected({})
      peer.send(publish('$SYS/x', 'x', { qos: 1, id: 1 }))
      await peer.expectClosed()
    },
  },
  {
    name: 'PUBREL answers the PUBREC of a retained message that a session was sent',
    shows: ['4.3.3-1'],
    mended: true,
    async run(target) {
      const topic = unique('t')
      const peer = await target.connected({})
      peer.send(publish(topic, 'kept', { qos: 2, id: 3, retain: true }), pubrel(3))
      await peer.expect('pubrec')
      await peer.expect('pubcomp')
      const watcher = await subscriber(target, topic, 2, { id: unique('c'), clean: false })
      const { id } = await watcher.expectPublish()
      watcher.send(pubrec(id))
      await watcher.expect('pubrel')
    },
  },
  {
    name: 'half of a packet at the end of a connection is left aside',
    shows: ['4.8.0-1'],
    async run(target) {
      const peer = await target.open()
      peer.send(connect({ id: unique('c') }), publish('abc', 'x').subarray(0, 4))
      await peer.expect('connack')
      await peer.drop()
    },
  },
]
