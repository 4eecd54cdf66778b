/**
 * What the first bytes of a packet announce is checked before any of the rest is kept. aedes keeps 256 MB of a CONNECT
 * that nobody has granted, and answers acknowledgements of any length.
 */
import { type Counters, count } from '../../telemetry/counters.ts'
import type { RefusalCode } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Parser } from '../aedes-internals.ts'
import type { Mend } from './mend.ts'
import { parserPrototype } from './parser-prototype.ts'

const bytesOf: { [type: string]: number | undefined } = {
  puback: 2,
  pubrec: 2,
  pubrel: 2,
  pubcomp: 2,
  pingreq: 0,
  disconnect: 0,
}

export function checkFixedHeaders(counters: Counters): Mend {
  function parseLength(this: Parser): boolean {
    if (!parserPrototype._parseLength.call(this)) return false
    const { cmd, length, qos, dup } = this.packet
    // What follows a CONNECT at once is bounded by turns.ts, which reads no more until it is granted.
    const { connecting, connected } = this.client
    const bytesMax = connecting || connected ? limits.packetBytesMax : limits.packetBytesMaxBeforeConnect
    if (length > bytesMax) return refuse(this, 'packet_too_large', `${length} bytes, at most ${bytesMax} taken`)
    if (cmd === 'publish') {
      // [MQTT-3.3.1-2]
      return dup && qos === 0 ? refuse(this, 'packet_malformed', 'PUBLISH of QoS 0 with DUP') : true
    }
    const bytes = bytesOf[cmd]
    if (bytes !== undefined && length !== bytes)
      return refuse(this, 'packet_malformed', `${cmd} of ${length} bytes, not ${bytes}`)
    return true
  }
  function refuse(parser: Parser, code: RefusalCode, detail: string): false {
    count(counters.refused, code)
    parser._list.consume(parser._list.length)
    parserPrototype._emitError.call(parser, new Error(detail))
    return false
  }
  return {
    connected(client) {
      client._parser._parseLength = parseLength
    },
  }
}
