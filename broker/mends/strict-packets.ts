/**
 * The rules of MQTT that aedes' parser does not know: well-formed strings, packet identifiers, flags of CONNECT that
 * agree, topic filters. A packet that breaks one closes its connection [MQTT-4.8.0-1], and is counted.
 */
import { isUtf8 } from 'node:buffer'
import { type Counters, count } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { isTopicFilter } from '../../telemetry/topic-rules.ts'
import type { Parser } from '../aedes-internals.ts'
import type { Mend } from './mend.ts'
import { parserPrototype } from './parser-prototype.ts'

const connackBytes = (returnCode: number): Buffer => Buffer.from([0x20, 2, 0, returnCode])
const wrongLevel = 1
const wrongIdentifier = 2

/** The versions spoken, by protocol name: MQTT 3.1.1 and 3.1. Bridges of mosquitto set the highest bit. */
const levelOf: { [name: string]: number | undefined } = { MQTT: 4, MQIsdp: 3 }

export function checkPackets(counters: Counters): Mend {
  /** Everything that aedes' parser refuses itself comes by here, too. */
  function emitError(this: Parser, error: Error): void {
    count(counters.refused, 'packet_malformed')
    parserPrototype._emitError.call(this, error)
  }

  /** Every string of every packet is read here. */
  function parseString(this: Parser): string | null {
    const start = this._pos + 2
    const text = parserPrototype._parseString.call(this)
    if (text === null) return null
    // [MQTT-1.5.3-2]; ill-formed bytes were read as U+FFFD, which may also stand there itself [MQTT-1.5.3-1].
    if (text.includes('\0')) return null
    return text.includes('\uFFFD') && !isUtf8(this._list.slice(start, this._pos)) ? null : text
  }

  /** [MQTT-2.3.1-1]; the original reads on into the next packet, and takes 0. */
  function parseMessageId(this: Parser): boolean {
    if (!parserPrototype._parseMessageId.call(this)) return false
    if ((this.packet.messageId ?? 0) > 0 && this._pos <= this.packet.length) return true
    this._emitError(new Error(`${this.packet.cmd} without a packet identifier from 1 on`))
    return false
  }

  function parseConnect(this: Parser): unknown {
    const detail = connectProblem(this)
    if (detail !== null) return this._emitError(new Error(detail))
    const result = parserPrototype._parseConnect.call(this)
    if (this.error !== null) return result
    if (this._pos !== this.packet.length)
      return this._emitError(new Error('CONNECT with bytes that its flags do not announce'))
    // MQTT 3.1 asks for a name of the client, always.
    if (this.packet.protocolVersion === 3 && this.packet.clientId === '') {
      this.client.conn.write(connackBytes(wrongIdentifier))
      return this._emitError(new Error('CONNECT of MQTT 3.1 without a client identifier'))
    }
    return result
  }

  function checkFilters(parser: Parser, filters: string[]): void {
    const detail = parser.error === null ? filtersProblem(parser, filters) : null
    if (detail !== null) parser._emitError(new Error(`${parser.packet.cmd} with ${detail}`))
  }
  function parseSubscribe(this: Parser): unknown {
    parserPrototype._parseSubscribe.call(this)
    return checkFilters(this, this.packet.subscriptions?.map(({ topic }) => topic) ?? [])
  }
  function parseUnsubscribe(this: Parser): unknown {
    parserPrototype._parseUnsubscribe.call(this)
    return checkFilters(this, this.packet.unsubscriptions ?? [])
  }

  return {
    connected({ _parser: parser }) {
      parser._emitError = emitError
      parser._parseString = parseString
      parser._parseMessageId = parseMessageId
      parser._parseConnect = parseConnect
      parser._parseSubscribe = parseSubscribe
      parser._parseUnsubscribe = parseUnsubscribe
    },
  }
}

/** Looks at the raw bytes, since the original drops what it would have to tell us. */
function connectProblem({ _list: list, packet, client }: Parser): string | null {
  const nameBytes = packet.length < 2 ? 0 : list.readUInt16BE(0)
  // Name, level, flags and keep alive.
  if (packet.length < nameBytes + 6) return 'CONNECT is too short'
  const name = list.toString('latin1', 2, 2 + nameBytes)
  const level = list.readUInt8(2 + nameBytes)
  const expected = levelOf[name]
  if (expected === undefined) return 'CONNECT of another protocol'
  if ((level & 0x7f) !== expected) {
    // [MQTT-3.1.2-2]
    client.conn.write(connackBytes(wrongLevel))
    return `protocol level ${level} of ${name}, ${expected} wanted`
  }
  const flags = list.readUInt8(3 + nameBytes)
  // [MQTT-3.1.2-14]
  if ((flags & 0b0001_1000) === 0b0001_1000) return 'will of QoS 3'
  // [MQTT-3.1.2-22]
  if ((flags & 0b1100_0000) === 0b0100_0000) return 'password without a user name'
  return null
}

/** [MQTT-3.8.3-3], [MQTT-3.10.3-2]: at least one; the number is bounded by us. */
function filtersProblem(parser: Parser, filters: string[]): string | null {
  if (filters.length === 0) return 'no topic filter'
  if (parser._pos !== parser.packet.length) return 'bytes to spare'
  const max = limits.filtersPerPacketMax
  if (filters.length > max) return `${filters.length} topic filters, at most ${max} taken`
  return filters.every(isTopicFilter) ? null : 'an impossible topic filter'
}
