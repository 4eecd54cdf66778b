/** Strings [§1.5.3] and the fixed header [§2.2]. */
import type { Case } from '../case.ts'
import { byte, connect, disconnect, packet, pingreq, publish, subscribe, text, unsubscribe, word } from '../packets.ts'
import { type Target, unique } from '../targets.ts'

const broken: Array<[what: string, statement: string, bytes: Buffer]> = [
  ['U+0000', '1.5.3-2', Buffer.from('a\0b')],
  ['a surrogate', '1.5.3-1', Buffer.from([0x61, 0xed, 0xa0, 0x80])],
  ['bytes that are no UTF-8', '1.5.3-1', Buffer.from([0x61, 0xff, 0xfe])],
  ['an overlong form', '1.5.3-1', Buffer.from([0x61, 0xc0, 0xaf])],
]
type Place = { name: string; shows: string[]; send(target: Target, bytes: Buffer): Promise<void> }
const places: Place[] = [
  {
    name: 'a client identifier',
    shows: ['3.1.3-4', '3.1.4-1'],
    async send(target, bytes) {
      const peer = await target.open()
      peer.send(connect({ id: bytes }))
      await peer.expectClosed()
    },
  },
  {
    name: 'a user name',
    shows: ['3.1.3-11'],
    async send(target, bytes) {
      const peer = await target.open()
      peer.send(connect({ id: unique('c'), username: bytes }))
      await peer.expectClosed()
    },
  },
  {
    name: 'a will topic',
    shows: ['3.1.3-10'],
    async send(target, bytes) {
      const peer = await target.open()
      peer.send(connect({ id: unique('c'), will: { topic: bytes } }))
      await peer.expectClosed()
    },
  },
  {
    name: 'the topic of a PUBLISH',
    shows: ['3.3.2-1', '4.7.3-2'],
    async send(target, bytes) {
      const peer = await target.connected({})
      peer.send(publish(bytes, '1', { qos: 1, id: 1 }))
      await peer.expectClosed()
    },
  },
  {
    name: 'a filter of a SUBSCRIBE',
    shows: ['3.8.3-1', '4.7.3-2'],
    async send(target, bytes) {
      const peer = await target.connected({})
      peer.send(subscribe(1, ['good', 0], [bytes, 0]))
      await peer.expectClosed()
    },
  },
  {
    name: 'a filter of an UNSUBSCRIBE',
    shows: ['3.10.3-1', '4.7.3-2'],
    async send(target, bytes) {
      const peer = await target.connected({})
      peer.send(unsubscribe(1, 'good', bytes))
      await peer.expectClosed()
    },
  },
]

/** A good packet of each type with one reserved flag turned over. */
const flags: Array<[name: string, bytes: Buffer, shows: string[]]> = [
  ['PUBACK', packet(0x41, word(1)), []],
  ['PUBREC', packet(0x54, word(1)), []],
  ['PUBREL', packet(0x60, word(1)), ['3.6.1-1']],
  ['PUBCOMP', packet(0x71, word(1)), []],
  ['SUBSCRIBE', packet(0x80, word(1), text('a'), byte(0)), ['3.8.1-1']],
  ['UNSUBSCRIBE', packet(0xa0, word(1), text('a')), ['3.10.1-1']],
  ['PINGREQ', packet(0xc1), []],
  ['DISCONNECT', packet(0xe1), ['3.14.1-1']],
]

export const cases: Case[] = [
  ...places.flatMap(({ name, shows, send }) =>
    broken.map(
      ([what, statement, bytes]): Case => ({
        name: `connection is closed when ${name} holds ${what}`,
        shows: [statement, ...shows],
        mended: true,
        run: (target) => send(target, bytes),
      }),
    ),
  ),
  {
    name: 'U+FEFF at the start of a topic is kept',
    shows: ['1.5.3-3', '4.7.3-4'],
    async run(target) {
      const peer = await target.connected({})
      const topic = `\uFEFF${unique('t')}`
      peer.send(subscribe(1, [topic, 0]))
      await peer.expect('suback')
      peer.send(publish(topic.slice(1), 'without'), publish(topic, 'with'))
      const { topic: delivered, payload } = await peer.expectPublish()
      if (delivered !== topic || payload !== 'with') throw new Error(`${delivered} ${payload}`)
    },
  },
  ...flags.map(
    ([name, bytes, shows]): Case => ({
      name: `connection is closed when reserved flags of ${name} are wrong`,
      shows: ['2.2.2-1', '2.2.2-2', ...shows],
      ...(shows.length === 0 && {
        notMosquitto: 'looks at the flags of SUBSCRIBE, UNSUBSCRIBE, PUBREL, DISCONNECT only',
      }),
      async run(target) {
        const peer = await target.connected({})
        peer.send(bytes)
        await peer.expectClosed()
      },
    }),
  ),
  {
    name: 'connection is closed when the remaining length has five bytes',
    shows: ['4.8.0-1'],
    async run(target) {
      const peer = await target.connected({})
      peer.send(byte(0x30, 0xff, 0xff, 0xff, 0xff, 0x01))
      await peer.expectClosed()
    },
  },
  ...[
    ['CONNACK', packet(0x20, byte(0, 0))],
    ['SUBACK', packet(0x90, word(1), byte(0))],
    ['UNSUBACK', packet(0xb0, word(1))],
    ['PINGRESP', packet(0xd0)],
    ['type 0', packet(0x00)],
    ['type 15', packet(0xf0)],
  ].map(
    ([name, bytes]): Case => ({
      name: `connection is closed when a client sends ${name}`,
      shows: ['4.8.0-1'],
      ...(/ACK|PINGRESP/.test(name as string) && { notMosquitto: 'takes them, for its bridges' }),
      async run(target) {
        const peer = await target.connected({})
        peer.send(bytes as Buffer)
        await peer.expectClosed()
      },
    }),
  ),
  ...[
    ['PINGREQ', packet(0xc0, byte(0))],
    ['DISCONNECT', packet(0xe0, byte(0))],
    ['PUBACK', packet(0x40, word(1), byte(0))],
    ['PUBREL', packet(0x62, word(1), byte(0))],
  ].map(
    ([name, bytes]): Case => ({
      name: `connection is closed when ${name} is longer than it may be`,
      shows: ['4.8.0-1'],
      ...(name === 'DISCONNECT' ? {} : { mended: true as const }),
      notMosquitto: 'takes them',
      async run(target) {
        const peer = await target.connected({})
        peer.send(bytes as Buffer, pingreq)
        await peer.expectClosed()
      },
    }),
  ),
  {
    name: 'packets are read when they come byte by byte',
    shows: ['7.1.1-1'],
    async run(target) {
      const peer = await target.open()
      const topic = unique('t')
      const all = Buffer.concat([
        connect({ id: unique('c') }),
        subscribe(1, [topic, 0]),
        publish(topic, 'whole', { qos: 1, id: 2 }),
        pingreq,
      ])
      for (const one of all) {
        peer.send(byte(one))
        await new Promise((resolve) => setImmediate(resolve))
      }
      await peer.expect('connack')
      await peer.expect('suback')
      const types: string[] = []
      for (let i = 0; i < 3; i++) types.push((await peer.expectAny()).type)
      if (types.sort().join() !== 'pingresp,puback,publish') throw new Error(types.join())
      peer.send(disconnect)
    },
  },
]
