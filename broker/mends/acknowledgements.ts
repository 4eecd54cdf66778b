/**
 * What a client acknowledges must be what it was sent: PUBACK for QoS 1, PUBREC and PUBCOMP for QoS 2; anything else
 * closes the connection. aedes takes each for each. A client that acknowledges nothing is closed before packet
 * identifiers come round again [MQTT-2.3.1-4].
 */
import { type Counters, count } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { AedesClient, Parser, RawPacket } from '../aedes-internals.ts'
import type { Mend } from './mend.ts'
import { parserPrototype } from './parser-prototype.ts'
import { watchSent } from './sent-packets.ts'

type Awaited = 'puback' | 'pubrec' | 'pubcomp'

export function checkAcknowledgements(counters: Counters): Mend {
  /** By client, packet identifier to what is awaited. */
  const awaitedBy = new WeakMap<AedesClient, Map<number, Awaited>>()

  function parseConfirmation(this: Parser): unknown {
    const result = parserPrototype._parseConfirmation.call(this)
    const { cmd, messageId = 0 } = this.packet
    if (this.error !== null || cmd === 'pubrel') return result
    const awaited = awaitedBy.get(this.client)?.get(messageId)
    // Unknown ones are late, or of a session before our restart. A PUBREC may come twice.
    if (awaited === undefined) return result
    if (awaited !== cmd && !(awaited === 'pubcomp' && cmd === 'pubrec'))
      return this._emitError(new Error(`${cmd} where ${awaited} is due`))
    if (cmd === 'pubrec') awaitedBy.get(this.client)?.set(messageId, 'pubcomp')
    else awaitedBy.get(this.client)?.delete(messageId)
    return result
  }
  function sent(client: AedesClient, packet: RawPacket): void {
    if (packet.cmd === 'suback') return
    let awaited = awaitedBy.get(client)
    if (awaited === undefined) {
      awaited = new Map()
      awaitedBy.set(client, awaited)
    }
    const id = packet.messageId as number
    awaited.set(id, packet.cmd === 'pubrel' ? 'pubcomp' : packet.qos === 1 ? 'puback' : 'pubrec')
    if (awaited.size <= limits.subscriberInFlightMax) return
    counters.subscriberClosed++
    count(counters.refused, 'not_acknowledging')
    client.conn.destroy(new Error(`${awaited.size} packets not acknowledged`))
  }
  return {
    connected(client) {
      client._parser._parseConfirmation = parseConfirmation
      watchSent(client, sent)
    },
  }
}
