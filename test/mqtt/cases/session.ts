/** Sessions [§3.1.2.4, §4.1] and what is sent again [§4.4, §4.6]. */
import type { Case } from '../case.ts'
import { connect, puback, pubcomp, publish, pubrec, pubrel, subscribe } from '../packets.ts'
import type { Peer } from '../peer.ts'
import { type Target, unique } from '../targets.ts'

function same(given: unknown, expected: unknown): void {
  if (JSON.stringify(given) !== JSON.stringify(expected))
    throw new Error(`${JSON.stringify(given)} in place of ${JSON.stringify(expected)}`)
}
/** Connects and checks session present. */
async function open(target: Target, id: string, clean: boolean, isPresent: boolean): Promise<Peer> {
  const peer = await target.open()
  peer.send(connect({ id, clean }))
  same((await peer.expect('connack')).body.toString('hex'), isPresent ? '0100' : '0000')
  return peer
}
async function away(target: Target, filter: string, qos: number): Promise<string> {
  const id = unique('c')
  const peer = await open(target, id, false, false)
  peer.send(subscribe(1, [filter, qos]))
  await peer.expect('suback')
  await peer.drop()
  return id
}
async function publishAll(target: Target, topic: string, payloads: string[], fields = {}): Promise<void> {
  const peer = await target.connected({})
  for (const [i, payload] of payloads.entries()) {
    peer.send(publish(topic, payload, { qos: 1, id: i + 1, ...fields }))
    await peer.expect('puback')
  }
  await peer.drop()
}

export const cases: Case[] = [
  {
    name: 'session present is 0 for a clean session, and for a session that is new',
    shows: ['3.2.2-1', '3.2.2-3', '3.1.2-4'],
    async run(target) {
      const id = unique('c')
      await (await open(target, id, true, false)).drop()
      await (await open(target, id, false, false)).drop()
    },
  },
  {
    name: 'session present is 1 where subscriptions are kept, and they work',
    shows: ['3.1.2-4', '3.2.2-2', '4.1.0-1', '4.1.0-2'],
    async run(target) {
      const topic = unique('t')
      const id = await away(target, topic, 1)
      const peer = await open(target, id, false, true)
      await publishAll(target, topic, ['1'])
      same((await peer.expectPublish()).payload, '1')
    },
  },
  {
    name: 'session present is 1 where nothing but a half-done QoS 2 message is kept, which is still known',
    shows: ['3.2.2-2', '4.3.3-2', '4.1.0-1'],
    mended: true,
    async run(target) {
      const [id, topic] = [unique('c'), unique('t')]
      const watcher = await target.connected({})
      watcher.send(subscribe(1, [topic, 0]))
      await watcher.expect('suback')
      const peer = await open(target, id, false, false)
      peer.send(publish(topic, '1', { qos: 2, id: 5 }))
      await peer.expect('pubrec')
      await peer.drop()
      const again = await open(target, id, false, true)
      again.send(publish(topic, '1', { qos: 2, id: 5, dup: true }))
      await again.expect('pubrec')
      again.send(pubrel(5))
      await again.expect('pubcomp')
      await watcher.expectPublish()
      await watcher.expectNothing()
    },
  },
  {
    name: 'clean session discards the session before, and leaves none',
    shows: ['3.1.2-6', '3.1.4-3'],
    async run(target) {
      const topic = unique('t')
      const id = await away(target, topic, 1)
      await publishAll(target, topic, ['1'])
      const clean = await open(target, id, true, false)
      await clean.expectNothing()
      clean.send(subscribe(1, [topic, 1]))
      await clean.expect('suback')
      await clean.drop()
      await publishAll(target, topic, ['2'])
      const again = await open(target, id, false, false)
      await again.expectNothing()
    },
  },
  {
    name: 'messages of QoS 1 and 2 wait for a session that is away, in their order',
    shows: ['3.1.2-5', '4.5.0-1', '4.6.0-1', '4.6.0-6'],
    async run(target) {
      const topic = unique('t')
      const id = await away(target, topic, 1)
      await publishAll(target, topic, ['1', '2', '3'])
      const peer = await open(target, id, false, true)
      for (const expected of ['1', '2', '3']) {
        const { payload, dup, qos, id: packetId } = await peer.expectPublish()
        same([payload, dup, qos], [expected, false, 1])
        peer.send(puback(packetId))
      }
    },
  },
  {
    name: 'what waited comes without RETAIN and at no higher QoS than granted',
    shows: ['3.3.1-9', '3.8.4-6', '3.3.1-3'],
    mended: true,
    async run(target) {
      const topic = unique('t')
      const id = await away(target, `${topic}/+`, 1)
      const other = await target.connected({})
      other.send(publish(`${topic}/a`, 'x', { qos: 2, id: 1, retain: true }), pubrel(1))
      await other.expect('pubrec')
      await other.expect('pubcomp')
      const peer = await open(target, id, false, true)
      const { qos, retain, dup } = await peer.expectPublish()
      same([qos, retain, dup], [1, false, false])
    },
  },
  {
    name: 'what is not acknowledged comes again with DUP, its packet identifier, and in its order',
    shows: ['2.3.1-3', '3.3.1-1', '4.4.0-1', '4.6.0-1'],
    mended: true,
    async run(target) {
      const topic = unique('t')
      const id = await away(target, topic, 1)
      const first = await open(target, id, false, true)
      await publishAll(target, topic, ['1', '2', '3'])
      const sent = [await first.expectPublish(), await first.expectPublish(), await first.expectPublish()]
      first.send(puback((sent[1] as { id: number }).id))
      await first.drop()
      const again = await open(target, id, false, true)
      for (const it of [sent[0], sent[2]]) {
        const { payload, id: packetId, dup } = await again.expectPublish()
        same([payload, packetId, dup], [it?.payload, it?.id, true])
        again.send(puback(packetId))
      }
      await again.expectNothing()
    },
  },
  {
    name: 'PUBREL comes again, and the PUBLISH before it does not',
    shows: ['4.3.3-1', '4.4.0-1'],
    async run(target) {
      const topic = unique('t')
      const id = await away(target, topic, 2)
      const peer = await open(target, id, false, true)
      const other = await target.connected({})
      other.send(publish(topic, 'x', { qos: 2, id: 1 }), pubrel(1))
      const { id: packetId } = await peer.expectPublish()
      peer.send(pubrec(packetId))
      await peer.expect('pubrel')
      await peer.drop()
      const again = await open(target, id, false, true)
      same((await again.expect('pubrel')).body.readUInt16BE(0), packetId)
      again.send(pubcomp(packetId))
      await again.expectNothing()
      await again.drop()
      const last = await open(target, id, false, true)
      await last.expectNothing()
    },
  },
  {
    name: 'overlapping subscriptions of a session bring nothing again after a reconnect',
    shows: ['4.3.3-1', '3.3.5-1'],
    async run(target) {
      const topic = unique('t')
      const id = unique('c')
      const peer = await open(target, id, false, false)
      peer.send(subscribe(1, [`${topic}/+`, 2], [`${topic}/#`, 2], [`${topic}/a`, 1]))
      await peer.expect('suback')
      const other = await target.connected({})
      other.send(publish(`${topic}/a`, 'x', { qos: 2, id: 1 }), pubrel(1))
      for (let more = true; more; ) {
        const it = await peer.expectPublish().catch(() => null)
        if (it === null) more = false
        else {
          peer.send(it.qos === 2 ? pubrec(it.id) : puback(it.id))
          if (it.qos !== 2) continue
          await peer.expect('pubrel')
          peer.send(pubcomp(it.id))
          more = false
        }
      }
      await peer.drop()
      const again = await open(target, id, false, true)
      await again.expectNothing()
    },
    notMosquitto: 'may send further copies, which the case does not follow',
  },
]
