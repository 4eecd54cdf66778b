/**
 * A SUBACK has a code for each filter of its SUBSCRIBE [MQTT-3.8.4-5]; aedes leaves out those of filters that come
 * twice in it.
 */
import type { AedesClient, Parser, RawPacket } from '../aedes-internals.ts'
import type { Mend } from './mend.ts'
import { parserPrototype } from './parser-prototype.ts'
import { watchSent } from './sent-packets.ts'

const denied = 128

export function answerEveryFilter(): Mend {
  /** What the client asked for, where a filter comes twice. One SUBSCRIBE is handled at a time (turns.ts). */
  const asked = new WeakMap<
    AedesClient,
    { messageId: number | undefined; filters: Array<{ topic: string; qos: number }> }
  >()

  let parse = parserPrototype._parseSubscribe
  function remember(this: Parser): unknown {
    const result = parse.call(this)
    const { messageId, subscriptions = [] } = this.packet
    if (this.error === null && new Set(subscriptions.map(({ topic }) => topic)).size < subscriptions.length)
      asked.set(this.client, { messageId, filters: subscriptions.map(({ topic, qos }) => ({ topic, qos })) })
    return result
  }
  function complete(client: AedesClient, packet: RawPacket): void {
    const of = packet.cmd === 'suback' ? asked.get(client) : undefined
    if (of === undefined || of.messageId !== packet.messageId) return
    asked.delete(client)
    const names = [...new Set(of.filters.map(({ topic }) => topic))]
    const granted = packet.granted ?? []
    packet.granted = of.filters.map(({ topic, qos }) => (granted[names.indexOf(topic)] === denied ? denied : qos))
  }
  return {
    connected(client) {
      // Every parser has the same one here, that of the mends before.
      parse = client._parser._parseSubscribe
      client._parser._parseSubscribe = remember
      watchSent(client, complete)
    },
  }
}
