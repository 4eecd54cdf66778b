/**
 * Mends aedes 1.2.0 from outside, connection by connection: bounded packets, bounded read-ahead, no loss by its
 * duplicate check, no broker-wide stall by one slow subscriber.
 */
import type { Client } from 'aedes'
import { type Counters, count } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import { type AedesClient, internals } from './aedes-internals.ts'

/** Call it for every new connection, before its first byte is read. */
export function hardenConnection(given: Client, counters: Counters): void {
  const client = internals(given)
  boundPackets(client, counters)
  boundReadAhead(client)
  boundBacklog(client, counters)
  // aedes drops what its counters call out of order, but handles packets concurrently: real messages were lost.
  client.duplicates = neverDuplicate
}

const neverDuplicate = new Proxy({}, { get: () => 0, set: () => true })

/** The announced length is checked before any of it is buffered. */
function boundPackets(client: AedesClient, counters: Counters): void {
  const parser = client._parser
  const parseLength = parser._parseLength
  parser._parseLength = function () {
    const isWhole = parseLength.call(this)
    const bytesMax = client.connackSent ? limits.packetBytesMax : limits.packetBytesMaxBeforeConnect
    if (!isWhole || this.packet.length <= bytesMax) return isWhole
    count(counters.refused, 'packet_too_large')
    this._list.consume(this._list.length)
    this._emitError(new Error(`packet of ${this.packet.length} bytes, at most ${bytesMax} taken`))
    return false
  }
}

/** aedes frees a slot at each 'readable' event, so readings that trickle in were read without end. */
function boundReadAhead(client: AedesClient): void {
  client.conn.removeListener('readable', client._nextBatch)
  client._parsingBatch = 0
  client.conn.on('readable', () => {
    if (client._paused || client._parsingBatch >= limits.packetsInFlightMax) return
    const bytes = client.conn.read()
    if (bytes !== null) client._parser.parse(bytes)
  })
}

/** What waits for a slow subscriber: first QoS 0 to it is dropped, then it is closed. Nobody else is held up. */
function boundBacklog(client: AedesClient, counters: Counters): void {
  const deliver = client.deliver0
  client.deliver0 = (packet, done) => {
    if (client.conn.writableLength <= limits.subscriberBacklogBytesMax) return deliver(packet, done)
    counters.subscriberDropped++
    setImmediate(done)
  }
  client.waitForDrain = (done) => {
    if (client.conn.writableLength > limits.subscriberBacklogBytesClose) {
      counters.subscriberClosed++
      client.conn.destroy(new Error('subscriber reads too slowly'))
    }
    // A full socket must not hold the callback, which would hold the delivery to everybody else.
    setImmediate(done, null, client)
  }
}
