/**
 * The order in which aedes works, which the broker is built on: hooks, memory, acknowledgements. It is nowhere
 * promised; when an upgrade of aedes fails here, read broker/broker.ts and broker/mends/ again before anything else.
 */
import type { AedesOptions } from 'aedes'
import mqtt from 'mqtt-packet'
import { afterEach, expect, test } from 'vitest'
import { connect, disconnect, publish, pubrel, subscribe, unsubscribe } from './packets.ts'
import { type Bare, startStock } from './targets.ts'

let log: string[] = []
let target: Bare
const write = mqtt.writeToStream
afterEach(async () => {
  mqtt.writeToStream = write
  await target.close()
})

const memory = [
  'storeRetained',
  'createRetainedStreamCombi',
  'addSubscriptions',
  'removeSubscriptions',
  'subscriptionsByClient',
  'subscriptionsByTopic',
  'cleanSubscriptions',
  'outgoingEnqueueCombi',
  'outgoingUpdate',
  'outgoingClearMessageId',
  'outgoingStream',
  'incomingStorePacket',
  'incomingGetPacket',
  'incomingDelPacket',
  'cleanIncoming',
  'putWill',
  'delWill',
]
type Any = (...all: unknown[]) => unknown

/** aedes as it comes, telling what it does; nothing of $SYS. */
async function listen(hooks: AedesOptions = {}): Promise<void> {
  log = []
  target = await startStock({
    preConnect: (_client, _packet, done) => {
      log.push('preConnect')
      done(null, true)
    },
    authenticate: (_client, _user, _password, done) => {
      log.push('authenticate')
      done(null, true)
    },
    authorizePublish: (client, packet, done) => {
      log.push(`authorizePublish ${packet.cmd ?? 'will'}${client === null ? ' of nobody' : ''}`)
      done(null)
    },
    authorizeSubscribe: (_client, subscription, done) => {
      log.push('authorizeSubscribe')
      done(null, subscription)
    },
    authorizeForward: (_client, packet) => {
      if (!packet.topic.startsWith('$')) log.push('authorizeForward')
      return packet
    },
    published: (packet, _client, done) => {
      if (!packet.topic.startsWith('$')) log.push('published')
      done(null)
    },
    ...hooks,
  })
  const { persistence, mq } = target.aedes as unknown as {
    persistence: { [name: string]: Any }
    mq: { [name: string]: Any }
  }
  const tell = (object: { [name: string]: Any }, name: string, label: string, isTold: (first: unknown) => boolean) => {
    const original = object[name] as Any
    object[name] = function (...all: unknown[]) {
      if (isTold(all[0])) log.push(label)
      return original.apply(this, all)
    }
  }
  for (const name of memory) tell(persistence, name, name, () => true)
  const isOurs = (it: unknown) => !(typeof it === 'string' ? it : (it as { topic: string }).topic).startsWith('$')
  for (const name of ['on', 'removeListener', 'emit']) tell(mq, name, `mq.${name}`, isOurs)
  for (const name of ['client', 'clientReady', 'subscribe', 'clientDisconnect'])
    target.aedes.on(name as 'client', () => log.push(`event ${name}`))
  target.aedes.on('publish', ({ topic }) => {
    if (!topic.startsWith('$')) log.push('event publish')
  })
  const told = (...[packet, stream, options]: Parameters<typeof write>): boolean => {
    if ((stream as { client?: unknown }).client !== undefined) log.push(`write ${packet.cmd}`)
    return write(packet, stream, options)
  }
  mqtt.writeToStream = told as typeof write
}
/** What was done since the last time, once nothing more comes. */
async function done(): Promise<string[]> {
  for (let before = -1; before !== log.length; ) {
    before = log.length
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  return log.splice(0)
}

test('aedes asks for who connects before it looks at sessions, and sends CONNACK before the queue', async () => {
  await listen()
  const peer = await target.connected({ id: 'a', clean: false, will: { topic: 'w' } })
  const connecting = ['preConnect', 'authenticate', 'subscriptionsByClient']
  const rest = ['delWill', 'putWill', 'event client', 'write connack', 'outgoingStream', 'event clientReady']
  expect(await done()).toEqual([...connecting, ...rest])
  peer.send(subscribe(1, ['x', 1]))
  await done()
  await peer.drop()
  const closing = [
    'mq.removeListener',
    'authorizePublish will',
    'storeRetained',
    'mq.emit',
    'published',
    'event publish',
  ]
  const gone = await done()
  expect(gone.filter((it) => closing.includes(it))).toEqual([
    'mq.removeListener',
    'authorizePublish will',
    'mq.emit',
    'published',
    'event publish',
  ])
  expect(gone).toContain('event clientDisconnect')
  await target.connected({ id: 'a', clean: false })
  expect((await done()).slice(0, 5)).toEqual([...connecting, 'authorizeSubscribe', 'mq.on'])
  const other = await target.connected({ id: 'b', clean: true })
  expect((await done()).slice(0, 8)).toEqual([
    'preConnect',
    'authenticate',
    'cleanSubscriptions',
    'delWill',
    'event client',
    'cleanIncoming',
    'write connack',
    'outgoingStream',
  ])
  other.send(disconnect)
})

test('aedes publishes QoS 0 once authorizePublish has said yes', async () => {
  await listen()
  const peer = await target.connected({})
  await done()
  peer.send(publish('a', 'x', { retain: true }))
  expect(await done()).toEqual(['authorizePublish publish', 'storeRetained', 'mq.emit', 'published', 'event publish'])
})

test('aedes sends PUBACK after authorizePublish, and before anything is stored', async () => {
  await listen()
  const peer = await target.connected({})
  await done()
  peer.send(publish('a', 'x', { qos: 1, id: 1, retain: true }))
  const stored = [
    'storeRetained',
    'subscriptionsByTopic',
    'outgoingEnqueueCombi',
    'mq.emit',
    'published',
    'event publish',
  ]
  expect(await done()).toEqual(['authorizePublish publish', 'write puback', ...stored])
})

test('aedes stores QoS 2 once, publishes it, and then sends PUBREC', async () => {
  await listen()
  const peer = await target.connected({})
  await done()
  peer.send(publish('a', 'x', { qos: 2, id: 1 }))
  const stored = ['incomingStorePacket', 'subscriptionsByTopic', 'outgoingEnqueueCombi', 'mq.emit', 'published']
  expect(await done()).toEqual([
    'authorizePublish publish',
    'incomingGetPacket',
    ...stored,
    'write pubrec',
    'event publish',
  ])
  peer.send(publish('a', 'x', { qos: 2, id: 1, dup: true }))
  expect(await done()).toEqual(['authorizePublish publish', 'incomingGetPacket', 'write pubrec'])
  peer.send(pubrel(1))
  expect(await done()).toEqual(['incomingGetPacket', 'incomingDelPacket', 'write pubcomp'])
})

test('aedes sends no PUBACK and closes when authorizePublish says no', async () => {
  await listen({ authorizePublish: (_client, _packet, answer) => answer(new Error('no')) })
  const peer = await target.connected({})
  peer.send(publish('a', 'x', { qos: 1, id: 1 }))
  await peer.expectClosed()
})

test('aedes waits with PUBACK for authorizePublish, and handles other packets meanwhile', async () => {
  let say = () => {}
  await listen({
    authorizePublish: (_client, _packet, answer) => {
      say = () => answer(null)
    },
  })
  const peer = await target.connected({})
  peer.send(publish('a', 'x', { qos: 1, id: 1 }), subscribe(2, ['b', 0]))
  await peer.expect('suback')
  say()
  await peer.expect('puback')
})

test('aedes stores a subscription, listens, answers, and asks for retained messages in one go with its event', async () => {
  await listen()
  const peer = await target.connected({ clean: false, id: 'a' })
  await done()
  peer.send(subscribe(1, ['a', 1]))
  const answered = ['authorizeSubscribe', 'addSubscriptions', 'mq.on', 'write suback']
  expect(await done()).toEqual([...answered, 'event subscribe', 'createRetainedStreamCombi'])
  let isSameTurn = false
  const { persistence } = target.aedes as unknown as { persistence: { createRetainedStreamCombi: Any } }
  const create = persistence.createRetainedStreamCombi
  target.aedes.once('subscribe', () => {
    isSameTurn = true
    process.nextTick(() => {
      isSameTurn = false
    })
  })
  let seen = false
  persistence.createRetainedStreamCombi = (...all) => {
    seen = isSameTurn
    return create.apply(persistence, all)
  }
  peer.send(subscribe(2, ['b', 0]))
  await done()
  expect(seen).toBe(true)
  peer.send(unsubscribe(3, 'a'))
  expect(await done()).toEqual(['removeSubscriptions', 'mq.removeListener', 'write unsuback'])
})

test('aedes sets the subscription of a client right before it listens for it', async () => {
  await listen()
  const peer = await target.connected({ id: 'a' })
  const { clients, mq } = target.aedes as unknown as {
    clients: { [id: string]: { subscriptions: { [filter: string]: { func: unknown } } } }
    mq: { on: Any }
  }
  const { on } = mq
  let isOwners = false
  mq.on = (filter, notify, ...rest) => {
    isOwners = clients.a?.subscriptions[filter as string]?.func === notify
    return on.call(mq, filter, notify, ...rest)
  }
  peer.send(subscribe(1, ['x', 1]))
  await peer.expect('suback')
  expect(isOwners).toBe(true)
})

test('aedes reads _nextBatch anew for each packet, and resumes once, after CONNACK', async () => {
  await listen()
  const peer = await target.open()
  const told: string[] = []
  const { handle } = target.aedes as unknown as { handle: unknown }
  expect(handle).toBeTypeOf('function')
  target.aedes.on('client', (given) => {
    const client = given as unknown as {
      connackSent: boolean
      resume(): void
      _nextBatch: (error?: Error) => void
      _parsingBatch: number
    }
    const { resume } = client
    client.resume = () => {
      told.push(`resume, CONNACK ${client.connackSent ? 'sent' : 'not sent'}`)
      resume.call(client)
    }
  })
  peer.send(connect({ id: 'a' }))
  await peer.expect('connack')
  await done()
  expect(told).toEqual(['resume, CONNACK sent'])
  const { a: client } = (
    target.aedes as unknown as { clients: { a: { _nextBatch: (error?: Error) => void; _parsingBatch: number } } }
  ).clients
  const next = client._nextBatch
  client._nextBatch = (error) => {
    told.push(`done with ${client._parsingBatch} in flight`)
    next(error)
  }
  peer.send(publish('a', '1', { qos: 1, id: 1 }))
  await peer.expect('puback')
  await done()
  expect(told).toEqual(['resume, CONNACK sent', 'done with 1 in flight'])
})
