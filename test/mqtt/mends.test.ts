/**
 * Defects of aedes that are no case of conformance: each check fails on stock aedes and passes with the mends. Those
 * that are stand in test/mqtt/cases, marked `mended`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { AedesOptions } from 'aedes'
import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { byte, connect, packet, pingreq, puback, publish, remainingLength, subscribe, text } from './packets.ts'
import type { Peer } from './peer.ts'
import { type Bare, startMended, startStock } from './targets.ts'

function mend(name: string, check: (target: Bare) => Promise<void>, options: () => AedesOptions = () => ({})): void {
  test(name, { timeout: 60_000 }, async () => {
    const mended = await startMended(options())
    try {
      await check(mended)
    } finally {
      await mended.close()
    }
  })
  test(`stock aedes does not pass: ${name}`, { timeout: 60_000 }, async () => {
    const stock = await startStock(options())
    try {
      await expect(check(stock)).rejects.toThrow()
    } finally {
      await stock.close()
    }
  })
}
async function watch(target: Bare, filter: string, qos = 0, fields = {}): Promise<Peer> {
  const peer = await target.connected(fields)
  peer.send(subscribe(1, [filter, qos]))
  await peer.expect('suback')
  return peer
}
/** A client that subscribes and reads nothing more. */
async function frozen(target: Bare, filter: string, qos = 0): Promise<Peer> {
  const peer = await watch(target, filter, qos)
  peer.socket.pause()
  return peer
}
const must = (isTrue: boolean, what: string) => {
  if (!isTrue) throw new Error(what)
}

mend('one frozen subscriber holds up nobody else', async (target) => {
  await frozen(target, 'bulk')
  const lively = await watch(target, 'other')
  const publisher = await target.connected({})
  const bulk = Buffer.alloc(50_000)
  for (let i = 0; i < 300; i++) {
    publisher.send(publish('bulk', bulk))
    if (i % 20 === 0) await sleep(5)
  }
  publisher.send(publish('other', 'x'))
  await lively.expectPublish()
})

mend('memory that waits for a frozen subscriber of QoS 1 is bounded', async (target) => {
  const peer = await frozen(target, 'bulk', 1)
  const publisher = await target.connected({})
  const bulk = Buffer.alloc(50_000)
  for (let i = 1; i <= 200; i++) {
    publisher.send(publish('bulk', bulk, { qos: 1, id: i }))
    await publisher.expect('puback')
  }
  // Its connection is reset, which a paused socket hears of when it reads.
  peer.socket.resume()
  await new Promise<void>((resolve, reject) => {
    peer.socket.once('close', () => resolve())
    setTimeout(() => reject(new Error('it stays')), 2_000)
  })
})

const onlyAllowed: AedesOptions['authorizeSubscribe'] = (_client, subscription, done) =>
  done(null, subscription.topic.startsWith('denied') ? null : subscription)
mend(
  'denied filter of a SUBSCRIBE is not kept with the session',
  async (target) => {
    const session = { id: 'keeper', clean: false }
    const peer = await target.connected(session)
    peer.send(subscribe(1, ['allowed', 1], ['denied', 1]))
    must((await peer.expect('suback')).body.toString('hex') === '00010180', 'granted')
    await peer.drop()
    const publisher = await target.connected({})
    publisher.send(publish('denied', 'secret', { qos: 1, id: 1 }), publish('allowed', 'open', { qos: 1, id: 2 }))
    await publisher.expect('puback')
    await publisher.expect('puback')
    await sleep(50)
    const again = await target.open()
    again.send(connect(session))
    await again.expect('connack')
    must((await again.expectPublish()).payload === 'open', 'the denied message came')
    await again.expectNothing()
  },
  () => ({ authorizeSubscribe: onlyAllowed }),
)

const revoked = new Set<string>()
mend(
  'subscription of a session goes when its client has lost the right',
  async (target) => {
    revoked.clear()
    const session = { id: 'loser', clean: false }
    await (await watch(target, 'news', 1, session)).drop()
    revoked.add('news')
    await (await target.connected(session)).drop()
    const publisher = await target.connected({})
    publisher.send(publish('news', 'secret', { qos: 1, id: 1 }))
    await publisher.expect('puback')
    await sleep(50)
    const again = await target.connected(session)
    await again.expectNothing()
  },
  () => ({ authorizeSubscribe: (_client, it, done) => done(null, revoked.has(it.topic) ? null : it) }),
)

mend('CONNECT that announces 256 MB is closed before it is sent', async (target) => {
  const peer = await target.open()
  peer.send(byte(0x10, 0xff, 0xff, 0xff, 0x7f), text('MQTT'))
  await peer.expectClosed()
})

mend('PUBLISH that announces more than the limit is closed before it is sent', async (target) => {
  const peer = await target.connected({})
  peer.send(byte(0x30), remainingLength(limits.packetBytesMax + 1), text('a'))
  await peer.expectClosed()
})

mend('messages arrive when persistence answers in another order than it was asked', async (target) => {
  const persistence = (target.aedes as unknown as { persistence: { subscriptionsByTopic(topic: string): unknown } })
    .persistence
  const find = persistence.subscriptionsByTopic.bind(persistence)
  persistence.subscriptionsByTopic = async (topic) => {
    await sleep(5)
    return find(topic)
  }
  const watcher = await watch(target, 'x/#')
  const [first, second] = [await target.connected({}), await target.connected({})]
  const expected = new Set<string>()
  for (let i = 0; i < 50; i++) {
    first.send(publish(`x/${i}`, `a${i}`, { qos: 1, id: i + 1 }))
    second.send(publish(`x/${i}`, `b${i}`))
    expected.add(`a${i}`).add(`b${i}`)
    await sleep(1)
  }
  while (expected.size > 0) expected.delete((await watcher.expectPublish()).payload)
})

mend('SUBSCRIBE of one topic among 100,000 retained ones holds up nobody', async (target) => {
  const { persistence } = target.aedes as unknown as {
    persistence: { storeRetained(packet: object): Promise<void> }
  }
  for (let i = 0; i < 99_999; i++)
    await persistence.storeRetained({ cmd: 'publish', topic: `s/${i % 100}/${i}`, payload: Buffer.from('1'), qos: 0 })
  const peer = await target.connected({})
  const started = performance.now()
  for (let i = 0; i < 50; i++) {
    peer.send(subscribe(i + 1, [`s/7/${i * 100 + 7}`, 0]))
    await peer.expect('suback')
    await peer.expectPublish()
  }
  const ms = performance.now() - started
  must(ms < 600, `${ms.toFixed(0)} ms for 50`)
})

mend('queue of a session that is away is bounded', async (target) => {
  const session = { id: 'away', clean: false }
  await (await watch(target, 'q', 1, session)).drop()
  const publisher = await target.connected({})
  const count = limits.sessionQueueMax + 200
  for (let i = 1; i <= count; i++) {
    publisher.send(publish('q', String(i), { qos: 1, id: i }))
    await publisher.expect('puback')
  }
  await sleep(50)
  const again = await target.connected(session)
  let came = 0
  for (
    let it = await again.expectAny().catch(() => null);
    it !== null;
    it = await again.expectAny().catch(() => null)
  ) {
    came++
    again.send(puback(it.body.readUInt16BE(3)))
  }
  must(came === limits.sessionQueueMax, `${came} came`)
  const { dropped } = target.counters.sessionLost
  must(dropped === 200, `${dropped} counted`)
})

let waiting: Array<() => void> = []
mend(
  'no more packets are in flight than the limit when they trickle in',
  async (target) => {
    waiting = []
    const peer = await target.connected({})
    for (let i = 1; i <= 600; i++) {
      peer.send(publish('a', String(i), { qos: 1, id: i }))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await sleep(200)
    const inFlight = waiting.length
    let isDone = false
    const release = async () => {
      while (!isDone) {
        for (const done of waiting.splice(0)) done()
        await sleep(1)
      }
    }
    const releasing = release()
    for (let i = 0; i < 600; i++) await peer.expect('puback')
    isDone = true
    await releasing
    must(inFlight >= limits.packetsInFlightMax && inFlight < 500, `${inFlight} in flight`)
  },
  () => ({ authorizePublish: (_client, _packet, done) => void waiting.push(() => done(null)) }),
)

mend('retained messages of the broker itself do not come for a wildcard', async (target) => {
  const { persistence } = target.aedes as unknown as {
    persistence: { storeRetained(packet: object): Promise<void> }
  }
  await persistence.storeRetained({ cmd: 'publish', topic: '$SYS/version', payload: Buffer.from('1'), qos: 0 })
  const peer = await watch(target, '#')
  await peer.expectNothing()
})

mend('client has no more subscriptions than the limit', async (target) => {
  const peer = await target.connected({})
  const filters = Array.from({ length: limits.filtersPerPacketMax }, (_, i): [string, number] => [`f/${i}`, 0])
  peer.send(subscribe(1, ...filters))
  const first = (await peer.expect('suback')).body.subarray(2)
  must(
    first.every((code) => code === 0),
    'refused below the limit',
  )
  peer.send(subscribe(2, ['f/0', 1], ['one more', 0]))
  must((await peer.expect('suback')).body.toString('hex') === '00020180', 'granted beyond the limit')
  // What is given back may be used again.
  peer.send(packet(0xa2, byte(0, 3), text('f/1')), subscribe(4, ['one more', 0]))
  await peer.expect('unsuback')
  must((await peer.expect('suback')).body[2] === 0, 'refused below the limit')
})

mend('SUBSCRIBE with more filters than the limit closes the connection', async (target) => {
  const peer = await target.connected({})
  const filters = Array.from({ length: limits.filtersPerPacketMax + 1 }, (_, i): [string, number] => [`f/${i}`, 0])
  peer.send(subscribe(1, ...filters))
  await peer.expectClosed()
})

mend(
  'PUBACK comes for what a client sent before it ended its sending',
  async (target) => {
    const peer = await target.connected({})
    peer.socket.end(publish('a', 'x', { qos: 1, id: 1 }))
    await peer.expect('puback')
    await peer.expectClosed()
  },
  () => ({ authorizePublish: (_client, _packet, done) => void setTimeout(() => done(null), 50) }),
)

test('SUBSCRIBEs with many filters are all answered, in order, when their client ends its sending behind them', async () => {
  const target = await startMended()
  const peer = await target.connected({})
  const names = Array.from({ length: limits.filtersPerTurn }, (_, i): [string, number] => [`f/${i}`, 0])
  peer.socket.end(Buffer.concat([1, 2, 3, 4].map((id) => subscribe(id, ...names))))
  for (const id of [1, 2, 3, 4]) expect((await peer.expect('suback')).body.readUInt16BE(0)).toBe(id)
  await peer.expectClosed()
  await target.close()
})

test('others get their turn between the SUBSCRIBEs of a client that sends many at once', async () => {
  const target = await startMended()
  const [flooder, other] = [await target.connected({}), await target.connected({})]
  const count = 40
  const packets = Array.from({ length: count }, (_, id) => {
    const filters = Array.from({ length: limits.filtersPerTurn }, (_, i): [string, number] => [`f/${id}/${i}`, 0])
    return subscribe(id + 1, ...filters)
  })
  let answeredBefore = 0
  const answers = (async () => {
    for (let i = 0; i < count; i++) {
      await flooder.expect('suback')
      answeredBefore++
    }
  })()
  flooder.send(...packets)
  while (answeredBefore === 0) await sleep(1)
  other.send(pingreq)
  await other.expect('pingresp')
  expect(answeredBefore).toBeLessThan(count)
  await answers
  await target.close()
})

mend('client that acknowledges nothing is closed', async (target) => {
  const peer = await watch(target, 'a', 1)
  for (let i = 0; i <= limits.subscriberInFlightMax; i++) {
    const one = { cmd: 'publish', topic: 'a', payload: Buffer.from('x'), qos: 1, retain: false, dup: false } as const
    target.aedes.publish(one as never, () => {})
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  let came = 0
  const counted = async () => {
    for (;;) {
      await peer.expectPublish()
      came++
    }
  }
  await counted().catch((error: Error) => must(error.message.endsWith('the end of the connection'), `${came} came`))
})

test('retained messages wait for a subscriber that reads slowly, and all of them arrive', async () => {
  const target = await startMended()
  const { persistence } = target.aedes as unknown as {
    persistence: { storeRetained(packet: object): Promise<void> }
  }
  const payload = Buffer.alloc(20_000)
  for (let i = 0; i < 500; i++)
    await persistence.storeRetained({ cmd: 'publish', topic: `r/${i}`, payload, qos: 1, retain: true })
  const peer = await frozen(target, 'r/#', 1)
  await sleep(300)
  const { clients } = target.aedes as unknown as { clients: { [id: string]: { conn: { writableLength: number } } } }
  const bytes = Math.max(...Object.values(clients).map(({ conn }) => conn.writableLength))
  expect(bytes).toBeGreaterThan(limits.storedBacklogBytesMax)
  expect(bytes).toBeLessThan(2 * limits.storedBacklogBytesMax)
  peer.socket.resume()
  for (let i = 0; i < 500; i++) peer.send(puback((await peer.expectPublish()).id))
  await target.close()
})

test('PUBLISH longer than a CONNECT may be is taken right behind the CONNECT', async () => {
  const target = await startMended()
  const peer = await target.open()
  const reading = publish('a', Buffer.alloc(2 * limits.packetBytesMaxBeforeConnect), { qos: 1, id: 1 })
  peer.send(connect({ id: 'a' }), reading)
  await peer.expect('connack')
  await peer.expect('puback')
  await target.close()
})

test('connection that never says CONNECT is closed in time, and one that says it byte by byte', async () => {
  const target = await startMended({ connectTimeout: 300 })
  const [silent, slow] = [await target.open(), await target.open()]
  const drip = setInterval(() => slow.send(byte(0x10)), 100)
  await Promise.all([silent.expectClosed(), slow.expectClosed()])
  clearInterval(drip)
  await target.close()
})

test('ping is answered while readings wait for the journal', async () => {
  waiting = []
  const target = await startMended({
    authorizePublish: (_client, _packet, done) => void waiting.push(() => done(null)),
  })
  const peer = await target.connected({ keepAliveS: 60 })
  peer.send(publish('a', 'x', { qos: 1, id: 1 }), subscribe(2, ['b', 0]), pingreq)
  await peer.expect('pingresp')
  await peer.expectNothing()
  for (const done of waiting) done()
  await peer.expect('puback')
  await peer.expect('suback')
  await target.close()
})
