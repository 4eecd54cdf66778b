/** Wills [§3.1.2.5]. */
import type { Case } from '../case.ts'
import { connect, disconnect, packet, subscribe } from '../packets.ts'
import { type Target, unique } from '../targets.ts'

async function watch(target: Target, topic: string) {
  const watcher = await target.connected({})
  watcher.send(subscribe(1, [topic, 2]))
  await watcher.expect('suback')
  return watcher
}

export const cases: Case[] = [
  {
    name: 'will is published once when the connection breaks',
    shows: ['3.1.2-8', '3.1.2-10'],
    async run(target) {
      const topic = unique('w')
      const watcher = await watch(target, topic)
      const name = unique('c')
      const peer = await target.connected({ id: name, will: { topic, payload: 'gone', qos: 1 } })
      await peer.drop()
      const will = await watcher.expectPublish()
      if (will.payload !== 'gone' || will.qos !== 1 || will.retain) throw new Error(JSON.stringify(will))
      const again = await target.connected({ id: name })
      await again.drop()
      await watcher.expectNothing()
    },
  },
  {
    name: 'will is published when the client breaks the rules',
    shows: ['3.1.2-8'],
    async run(target) {
      const topic = unique('w')
      const watcher = await watch(target, topic)
      const peer = await target.connected({ will: { topic, payload: 'gone' } })
      peer.send(packet(0xf0))
      await watcher.expectPublish()
    },
  },
  {
    name: 'will is discarded when DISCONNECT comes',
    shows: ['3.1.2-10', '3.14.4-3'],
    async run(target) {
      const topic = unique('w')
      const watcher = await watch(target, topic)
      const peer = await target.connected({ will: { topic, payload: 'gone' } })
      peer.send(disconnect)
      await peer.expectClosed()
      await watcher.expectNothing()
    },
  },
  {
    name: 'nothing is published for a connection without a will',
    shows: ['3.1.2-12'],
    async run(target) {
      const name = unique('c')
      const topic = unique('w')
      const watcher = await watch(target, topic)
      const first = await target.connected({ id: name, will: { topic, payload: 'gone' } })
      first.send(disconnect)
      await first.expectClosed()
      const second = await target.connected({ id: name })
      await second.drop()
      await watcher.expectNothing()
    },
  },
  ...[true, false].map(
    (retain): Case => ({
      name: `will is ${retain ? '' : 'not '}retained when its flag says so`,
      shows: [retain ? '3.1.2-17' : '3.1.2-16'],
      async run(target) {
        const topic = unique('w')
        const watcher = await watch(target, topic)
        const peer = await target.connected({ will: { topic, payload: 'gone', retain } })
        await peer.drop()
        await watcher.expectPublish()
        const later = await target.connected({})
        later.send(subscribe(1, [topic, 0]))
        await later.expect('suback')
        if (!retain) return later.expectNothing()
        const will = await later.expectPublish()
        if (!will.retain || will.payload !== 'gone') throw new Error(JSON.stringify(will))
      },
    }),
  ),
  {
    name: 'CONNECT is refused when the will topic has a wildcard',
    shows: ['4.7.1-1'],
    mended: true,
    async run(target) {
      for (const topic of ['w/#', 'w/+/x']) {
        const peer = await target.open()
        peer.send(connect({ id: unique('c'), will: { topic, payload: 'x' } }))
        // Either way of refusing is right.
        const answer = await peer.expect('connack').catch((error: Error) => error)
        const isRefused =
          answer instanceof Error ? answer.message.includes('the end of the connection') : answer.body[1] !== 0
        if (!isRefused) throw new Error(`${topic} was granted`)
      }
    },
  },
]
