/** CONNECT [§3.1], CONNACK [§3.2], PINGREQ [§3.12], DISCONNECT [§3.14]. */
import type { Case } from '../case.ts'
import { byte, connect, disconnect, packet, pingreq, publish, subscribe, text, word } from '../packets.ts'
import { type Target, unique } from '../targets.ts'

/** Sends what is no good CONNECT, and waits for the end without CONNACK. */
const closes = (bytes: () => Buffer) => async (target: Target) => {
  const peer = await target.open()
  peer.send(bytes())
  await peer.expectClosed()
}
/** Sends a CONNECT, and waits for a CONNACK with this code and without session present, then the end. */
const refuses = (code: number, bytes: () => Buffer) => async (target: Target) => {
  const peer = await target.open()
  peer.send(bytes())
  const { body } = await peer.expect('connack')
  if (body[0] !== 0 || body[1] !== code) throw new Error(`CONNACK ${body.toString('hex')}, code ${code} expected`)
  await peer.expectClosed()
}
/** Waits for a CONNACK that grants. */
const grants = (bytes: () => Buffer) => async (target: Target) => {
  const peer = await target.open()
  peer.send(bytes())
  const { body } = await peer.expect('connack')
  if (body.toString('hex') !== '0000') throw new Error(`CONNACK ${body.toString('hex')}`)
  peer.send(pingreq)
  await peer.expect('pingresp')
  peer.send(disconnect)
}
const id = () => unique('c')
/** A CONNECT cut short, with the right remaining length. */
const cut = (bytes: number) => {
  const whole = connect({ id: id(), will: { topic: 'w', payload: 'p' }, username: 'u', password: 'p' })
  return packet(0x10, whole.subarray(2, whole.length - bytes))
}

export const cases: Case[] = [
  {
    name: 'connection is closed when the first packet is no CONNECT',
    shows: ['3.1.0-1'],
    run: closes(() => publish('a', 'b')),
  },
  {
    name: 'connection is closed when a second CONNECT comes',
    shows: ['3.1.0-2'],
    async run(target) {
      const peer = await target.connected({})
      peer.send(connect({ id: id() }))
      await peer.expectClosed()
    },
  },
  {
    name: 'connection is closed when the protocol name is another',
    shows: ['3.1.2-1'],
    run: closes(() => connect({ id: id(), name: 'MQTX' })),
  },
  {
    name: 'CONNACK 1 answers a level below MQTT 3.1.1',
    shows: ['3.1.2-2', '3.2.2-4', '3.2.2-5'],
    mended: true,
    run: refuses(1, () => connect({ id: id(), level: 2 })),
  },
  {
    name: 'CONNACK 1 answers a level of the future',
    shows: ['3.1.2-2'],
    mended: true,
    run: refuses(1, () => connect({ id: id(), level: 6 })),
  },
  {
    name: 'CONNACK 1 answers MQTT 5',
    shows: ['3.1.2-2'],
    notMosquitto: 'speaks MQTT 5',
    run: refuses(1, () => packet(0x10, text('MQTT'), byte(5, 2), word(0), byte(0), text(id()))),
  },
  {
    name: 'connection is closed when the reserved flag of CONNECT is set',
    shows: ['3.1.2-3', '3.1.4-1'],
    run: closes(() => connect({ id: id(), flags: 3 })),
  },
  {
    name: 'connection is closed when the will has QoS 3',
    shows: ['3.1.2-14', '3.1.4-1'],
    mended: true,
    run: closes(() => packet(0x10, text('MQTT'), byte(4, 0x1e), word(0), text(id()), text('w'), text('p'))),
  },
  {
    name: 'connection is closed when there is a will QoS without a will',
    shows: ['3.1.2-11', '3.1.2-13'],
    run: closes(() => connect({ id: id(), flags: 0x0a })),
  },
  {
    name: 'connection is closed when a will is to be retained and there is none',
    shows: ['3.1.2-11', '3.1.2-15'],
    run: closes(() => connect({ id: id(), flags: 0x22 })),
  },
  {
    name: 'connection is closed when the will flag is set and the will is missing',
    shows: ['3.1.2-9', '3.1.3-1'],
    run: closes(() => connect({ id: id(), flags: 0x06 })),
  },
  {
    name: 'connection is closed when a will stands there without its flag',
    shows: ['3.1.2-11'],
    mended: true,
    notMosquitto: 'reads no further than the flags announce',
    run: closes(() => connect({ id: id(), flags: 2, rest: Buffer.concat([text('w'), text('p')]) })),
  },
  {
    name: 'connection is closed when a user name stands there without its flag',
    shows: ['3.1.2-18'],
    mended: true,
    notMosquitto: 'reads no further than the flags announce',
    run: closes(() => connect({ id: id(), flags: 2, rest: text('u') })),
  },
  {
    name: 'connection is closed when the user name is missing',
    shows: ['3.1.2-19'],
    run: closes(() => connect({ id: id(), flags: 0x82 })),
  },
  {
    name: 'connection is closed when a password stands there without its flag',
    shows: ['3.1.2-20'],
    mended: true,
    notMosquitto: 'reads no further than the flags announce',
    run: closes(() => connect({ id: id(), flags: 0x82, username: 'u', rest: text('p') })),
  },
  {
    name: 'connection is closed when the password is missing',
    shows: ['3.1.2-21'],
    run: closes(() => connect({ id: id(), flags: 0xc2, username: 'u' })),
  },
  {
    name: 'connection is closed when there is a password without a user name',
    shows: ['3.1.2-22'],
    mended: true,
    run: closes(() => connect({ id: id(), flags: 0x42, password: 'p' })),
  },
  {
    name: 'connection is closed when the client identifier is missing',
    shows: ['3.1.3-3'],
    run: closes(() => packet(0x10, text('MQTT'), byte(4, 2), word(0))),
  },
  ...[1, 3, 6, 8, 9].map(
    (bytes): Case => ({
      name: `connection is closed when CONNECT is ${bytes} bytes short`,
      shows: ['3.1.4-1'],
      run: closes(() => cut(bytes)),
    }),
  ),
  {
    name: 'CONNECT with every field is granted',
    shows: ['3.1.3-1', '3.1.4-4', '3.2.0-1'],
    run: grants(() => connect({ id: id(), will: { topic: unique('w'), payload: 'p' }, username: 'u', password: 'p' })),
  },
  {
    name: 'client identifier of 23 letters and digits is granted',
    shows: ['3.1.3-5'],
    run: grants(() => connect({ id: unique('0123456789ABCabcXYZxy').slice(0, 23) })),
  },
  {
    name: 'clients without an identifier get one each',
    shows: ['3.1.3-6'],
    async run(target) {
      const [first, second] = [await target.connected({ id: '' }), await target.connected({ id: '' })]
      for (const peer of [first, second]) {
        peer.send(pingreq)
        await peer.expect('pingresp')
      }
    },
  },
  {
    name: 'CONNACK 2 answers an empty client identifier without clean session',
    shows: ['3.1.3-7', '3.1.3-8', '3.1.3-9', '3.2.2-5'],
    mended: true,
    run: refuses(2, () => connect({ id: '', clean: false })),
  },
  {
    name: 'CONNACK 2 answers a client identifier that is too long',
    shows: ['3.1.3-9'],
    mended: true,
    notMosquitto: 'has no such limit',
    run: refuses(2, () => connect({ id: 'x'.repeat(300) })),
  },
  {
    name: 'existing connection is closed when its client connects again',
    shows: ['3.1.3-2', '3.1.4-2'],
    async run(target) {
      const name = id()
      const first = await target.connected({ id: name })
      const second = await target.connected({ id: name })
      await first.expectClosed()
      second.send(pingreq)
      await second.expect('pingresp')
    },
  },
  {
    name: 'nothing that follows a refused CONNECT is taken',
    shows: ['3.1.4-5'],
    mended: true,
    async run(target) {
      const topic = unique('t')
      const watcher = await target.connected({})
      watcher.send(subscribe(1, [topic, 0]))
      await watcher.expect('suback')
      const peer = await target.open()
      peer.send(connect({ id: '', clean: false }), publish(topic, 'x'))
      const { body } = await peer.expect('connack')
      if (body[1] !== 2) throw new Error('not refused')
      await watcher.expectNothing()
    },
  },
  {
    name: 'what follows CONNECT at once is taken, in its order',
    shows: ['3.1.4-4', '4.6.0-6'],
    async run(target) {
      const peer = await target.open()
      const topic = unique('t')
      const readings = Array.from({ length: 100 }, (_, i) => publish(topic, String(i)))
      peer.send(connect({ id: id() }), subscribe(1, [topic, 0]), ...readings)
      await peer.expect('connack')
      await peer.expect('suback')
      for (let i = 0; i < 100; i++) {
        const { payload } = await peer.expectPublish()
        if (payload !== String(i)) throw new Error(`${payload} in place of ${i}`)
      }
    },
  },
  {
    name: 'connection is closed when nothing comes for one and a half times the keep alive',
    shows: ['3.1.2-24'],
    notMosquitto: 'looks every five seconds',
    async run(target) {
      const peer = await target.connected({ keepAliveS: 1 })
      const started = Date.now()
      await new Promise((resolve) => peer.socket.once('close', resolve))
      const waited = Date.now() - started
      if (waited < 1_400 || waited > 4_000) throw new Error(`closed after ${waited} ms`)
    },
  },
  {
    name: 'PINGRESP answers PINGREQ',
    shows: ['3.12.4-1'],
    async run(target) {
      const peer = await target.connected({ keepAliveS: 60 })
      peer.send(pingreq, pingreq)
      await peer.expect('pingresp')
      await peer.expect('pingresp')
    },
  },
  {
    name: 'connection is closed after DISCONNECT',
    shows: ['3.14.4-1'],
    async run(target) {
      const peer = await target.connected({})
      peer.send(disconnect)
      await peer.expectClosed()
    },
  },
  {
    name: 'what precedes DISCONNECT is acknowledged',
    shows: ['4.3.2-2'],
    mended: true,
    async run(target) {
      const peer = await target.connected({})
      peer.send(publish(unique('t'), 'last', { qos: 1, id: 7 }), disconnect)
      await peer.expect('puback')
      await peer.expectClosed()
    },
  },
  {
    name: 'everything is taken, and no will is published, when a client connects, publishes and leaves in one go',
    shows: ['3.14.4-3', '4.3.2-2'],
    async run(target) {
      const [topic, will] = [unique('t'), unique('w')]
      const watcher = await target.connected({})
      watcher.send(subscribe(1, [topic, 0], [will, 0]))
      await watcher.expect('suback')
      for (let i = 0; i < 20; i++) {
        const peer = await target.open()
        const reading = publish(topic, String(i), { qos: 1, id: 1 })
        peer.socket.end(
          Buffer.concat([connect({ id: id(), will: { topic: will, payload: 'gone' } }), reading, disconnect]),
        )
        await peer.expect('connack')
        const { topic: delivered, payload } = await watcher.expectPublish()
        if (delivered !== topic || payload !== String(i)) throw new Error(`${delivered} ${payload}`)
      }
      await watcher.expectNothing()
    },
  },
  {
    name: 'nothing after DISCONNECT is taken',
    shows: ['3.14.4-2'],
    mended: true,
    async run(target) {
      const topic = unique('t')
      const watcher = await target.connected({})
      watcher.send(subscribe(1, [topic, 0]))
      await watcher.expect('suback')
      const peer = await target.connected({})
      peer.send(disconnect, publish(topic, 'x'))
      await watcher.expectNothing()
    },
  },
]
