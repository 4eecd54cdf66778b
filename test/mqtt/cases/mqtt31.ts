/** MQTT 3.1, which MQTT 3.1.1 took over: another name and level, and a client identifier is a must. */
import type { Case } from '../case.ts'
import { connect, disconnect, pingreq, publish, pubrel, subscribe, unsubscribe } from '../packets.ts'
import { type Target, unique } from '../targets.ts'

const old = (target: Target, fields = {}) => target.connected({ name: 'MQIsdp', level: 3, ...fields })

export const cases: Case[] = [
  {
    name: 'client of MQTT 3.1 publishes at every QoS, subscribes and unsubscribes',
    shows: [],
    async run(target) {
      const topic = unique('t')
      const peer = await old(target)
      peer.send(subscribe(1, [topic, 0]))
      await peer.expect('suback')
      peer.send(publish(topic, '0'))
      await peer.expectPublish()
      peer.send(unsubscribe(2, topic), publish(topic, '1', { qos: 1, id: 3 }), pingreq)
      const answers = [await peer.expectAny(), await peer.expectAny(), await peer.expectAny()].map(({ type }) => type)
      if (answers.sort().join() !== 'pingresp,puback,unsuback') throw new Error(answers.join())
      peer.send(publish(topic, '2', { qos: 2, id: 4 }))
      await peer.expect('pubrec')
      peer.send(pubrel(4))
      await peer.expect('pubcomp')
      peer.send(disconnect)
      await peer.expectClosed()
    },
  },
  {
    name: 'client of MQTT 3.1 keeps a session and has a will',
    shows: [],
    async run(target) {
      const [id, topic] = [unique('c'), unique('t')]
      const first = await old(target, { id, clean: false })
      first.send(subscribe(1, [topic, 1]))
      await first.expect('suback')
      await first.drop()
      const other = await old(target, { will: { topic, payload: 'gone', qos: 1 } })
      await other.drop()
      const again = await old(target, { id, clean: false })
      const { payload } = await again.expectPublish()
      if (payload !== 'gone') throw new Error(payload)
    },
  },
  {
    name: 'CONNACK 2 answers a client of MQTT 3.1 without an identifier',
    shows: [],
    mended: true,
    async run(target) {
      const peer = await target.open()
      peer.send(connect({ id: '', name: 'MQIsdp', level: 3 }))
      const { body } = await peer.expect('connack')
      if (body[1] !== 2) throw new Error(`CONNACK ${body[1]}`)
      await peer.expectClosed()
    },
  },
  {
    name: 'CONNACK 1 answers MQIsdp with the level of another version',
    shows: ['3.1.2-2'],
    mended: true,
    async run(target) {
      const peer = await target.open()
      peer.send(connect({ id: unique('c'), name: 'MQIsdp', level: 4 }))
      const { body } = await peer.expect('connack')
      if (body[1] !== 1) throw new Error(`CONNACK ${body[1]}`)
      await peer.expectClosed()
    },
  },
  {
    name: 'client of MQTT 3.1 may have an identifier of more than 23 bytes',
    shows: [],
    mended: true,
    async run(target) {
      await old(target, { id: unique('a-name-of-more-than-23-bytes-') })
    },
  },
]
