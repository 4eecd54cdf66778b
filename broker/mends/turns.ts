/**
 * Packets of one connection are taken in their order where the order matters, and no more of them are read than can be
 * handled. aedes handles whatever it has read at once: a SUBSCRIBE overtakes the PUBLISH before it, a DISCONNECT takes
 * back what is not acknowledged yet, two equal packets of QoS 2 are published twice. And each segment that trickles in
 * makes it read on, whatever is in flight. Nor may those who subscribe to thousands of filters keep all others waiting.
 */
import type { Readable } from 'node:stream'
import type { TrafficCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { AedesClient, RawPacket } from '../aedes-internals.ts'
import type { Intake } from '../intake.ts'
import { countPacket } from '../traffic.ts'
import { createFilterTurns, type FilterTurns } from './filter-turns.ts'
import type { Mend } from './mend.ts'

/** They wait for all before them, and all after them wait for them. */
const aloneTypes = new Set(['connect', 'subscribe', 'unsubscribe', 'disconnect'])

/** Packets with the same key wait for one another: null where there is nothing to wait for. */
function keyOf({ cmd, qos, retain, messageId, topic }: RawPacket): number | string | null {
  if ((cmd === 'publish' && qos === 2) || cmd === 'pubrel') return messageId as number
  // Each QoS has its own way through aedes, and the last retained message is to stay.
  return cmd === 'publish' && retain ? topic : null
}

export function takeInTurns(intake: Intake, received: TrafficCounters): Mend {
  const filterTurns = createFilterTurns()
  return { connected: (client) => orderConnection(client, intake, filterTurns, received) }
}

const filtersOf = ({ subscriptions, unsubscriptions }: RawPacket) =>
  subscriptions?.length ?? unsubscriptions?.length ?? 0

function orderConnection(
  client: AedesClient,
  intake: Intake,
  filterTurns: FilterTurns,
  received: TrafficCounters,
): void {
  const { conn, _parser: parser } = client
  const handle = parser.listeners('packet')[0] as (this: object, packet: RawPacket) => void
  let held: RawPacket[] = []
  let isAlone = false
  let isReleasing = false
  /** Keys of packets that are being handled. */
  let busy: Set<number | string> | null = null
  let waitsForDrain = false
  /** The client sends no more. */
  let hasEnded = false
  const inlet = intake(client, goOn)

  function mustWait(packet: RawPacket): boolean {
    if (isAlone) return true
    if (aloneTypes.has(packet.cmd)) return client._parsingBatch > 0 || inlet.isWaiting()
    if (busy === null || busy.size === 0) return false
    const key = keyOf(packet)
    return key !== null && busy.has(key)
  }

  function take(packet: RawPacket): void {
    // Nothing counts after a DISCONNECT [MQTT-3.14.4-2], which itself counts at once: there is no will any more.
    if (client.closed || client._disconnected) return
    countPacket(received, packet)
    // Most are of this kind.
    if (packet.cmd === 'publish' && packet.qos < 2 && !packet.retain && held.length === 0 && !isAlone) {
      handle.call(parser, packet)
      return
    }
    if (packet.cmd === 'disconnect' && client.connackSent) client._disconnected = true
    // Its answer has no place in the order, and a client whose packets wait is alive.
    if (packet.cmd === 'pingreq' && client.connackSent) handle.call(parser, packet)
    else if (held.length > 0 || mustWait(packet)) {
      if (client._keepaliveInterval > 0) client._keepaliveTimer?.refresh()
      held.push(packet)
    } else start(packet)
  }

  function start(packet: RawPacket): void {
    const key = keyOf(packet)
    if (aloneTypes.has(packet.cmd)) {
      isAlone = true
      const done = packet.cmd === 'connect' ? connected : doneAlone
      const filters = filtersOf(packet)
      if (filters === 0) begin(packet, done)
      else filterTurns(filters, () => client.closed || begin(packet, done))
    } else if (key !== null) {
      busy ??= new Set()
      busy.add(key)
      begin(packet, (error) => {
        busy?.delete(key)
        next(error)
      })
    } else handle.call(parser, packet)
  }
  /** `done` is called when aedes has handled it. */
  function begin(packet: RawPacket, done: (error?: Error) => void): void {
    client._nextBatch = done
    handle.call(parser, packet)
    client._nextBatch = next
  }

  function next(error?: Error): void {
    if (error) return void client.emit('error', error)
    client._parsingBatch--
    goOn()
  }
  function goOn(): void {
    release()
    if (client._parsingBatch > 0) return
    if (!hasEnded) read()
    else if (!isAlone && !inlet.isWaiting()) setImmediate(close)
    tellHandled()
  }
  function tellHandled(): void {
    if (client._parsingBatch === 0 && held.length === 0 && !isAlone) inlet.handled()
  }
  function doneAlone(error?: Error): void {
    isAlone = false
    next(error)
  }
  /** The end of a CONNECT is told when the queue of the session is sent; packets are taken from its CONNACK on. */
  function connected(error?: Error): void {
    if (error) client.emit('error', error)
  }
  client.resume = () => {
    client._paused = false
    if (client.connackSent) doneAlone()
  }

  function release(): void {
    if (held.length === 0 || isReleasing) return
    isReleasing = true
    let taken = 0
    for (const packet of held) {
      if (client.closed || mustWait(packet)) break
      taken++
      start(packet)
    }
    held = client.closed ? [] : held.slice(taken)
    isReleasing = false
  }

  function mayRead(): boolean {
    if (client.closed || client._disconnected || client._paused || held.length > 0) return false
    if (client._parsingBatch >= limits.packetsInFlightMax || (isAlone && !client.connackSent)) return false
    if (inlet.isBehind()) return false
    // A client that sends and does not read what it is answered: its answers are bounded, too.
    if (conn.writableLength <= limits.unreadAnswerBytesMax) return true
    waitForDrain()
    return false
  }
  function read(): void {
    const bytes = mayRead() ? conn.read() : null
    if (bytes !== null) hand(bytes)
  }
  function hand(bytes: Buffer): void {
    inlet.take(bytes)
    // What needed no wait was handled before all of it was taken.
    tellHandled()
  }
  function waitForDrain(): void {
    if (waitsForDrain) return
    waitsForDrain = true
    conn.once('drain', () => {
      waitsForDrain = false
      read()
    })
  }
  /** What comes when it may be read goes past the stream's own buffer, whose care for each segment costs more than ours. */
  function push(this: Readable, bytes: Buffer | null, encoding?: BufferEncoding): boolean {
    if (bytes === null || conn.readableLength > 0 || !mayRead()) return keep.call(this, bytes, encoding)
    hand(bytes)
    return true
  }
  const close = () => client.close()
  /** What it sent before is answered first; where that takes long, it is gone. */
  function ended(): void {
    hasEnded = true
    if (client._parsingBatch === 0 && !isAlone && !inlet.isWaiting()) close()
    else setTimeout(close, limits.lastAnswersMsMax).unref()
  }

  client._nextBatch = next
  client._parsingBatch = 0
  parser.removeAllListeners('packet')
  parser.on('packet', take)
  const keep = conn.push
  conn.push = push
  conn.removeAllListeners('readable')
  conn.on('readable', read)
  for (const listener of conn.listeners('end'))
    if (listener.name === 'bound close') conn.removeListener('end', listener as () => void)
  conn.allowHalfOpen = true
  conn.on('end', ended)
}
