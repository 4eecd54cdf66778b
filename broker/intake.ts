/**
 * What is read of a connection, cut into packets and handed to the fast lane or to aedes, in order: while aedes is busy
 * with a packet of a connection, everything behind it goes to aedes. When to read is the business of mends/turns.ts.
 */
import { limits } from '../telemetry/limits.ts'
import type { PacketEntrance } from '../telemetry/message.ts'
import type { AedesClient } from './aedes-internals.ts'
import type { FastLane, Lane } from './fast-lane.ts'
import { bodyOf, endOf, waitsForMore } from './packet-cut.ts'

export type Inlet = {
  /** The next bytes that were read. */
  take(bytes: Buffer): void
  /** Too much waits for the journal, of this connection or of all: nothing more may be read. */
  isBehind(): boolean
  /** Packets on the fast lane are not acknowledged yet. */
  isWaiting(): boolean
  /** Everything that was taken is handled. */
  handled(): void
}

/**
 * Call it for every new connection, before its first byte is read. `settled` is called when the journal has synced and
 * isBehind() or isWaiting() was true before.
 */
export type Intake = (client: AedesClient, settled: () => void) => Inlet

/** One small object for each connection, since there are many. */
type Connection = {
  client: AedesClient
  lane: Lane<AedesClient>
  settled: () => void
  /** The end of a read: the beginning of a PUBLISH, or of a packet's fixed header. */
  tail: Buffer | null
  /** Bytes of a packet that aedes has begun with. */
  owed: number
}

/** Without a lane everything goes to aedes. */
export function createIntake(fast: { lane: FastLane<AedesClient>; packets: PacketEntrance } | null): Intake {
  if (fast === null) {
    return ({ _parser: parser }) => ({
      take: (bytes) => void parser.parse(bytes),
      isBehind: () => false,
      isWaiting: () => false,
      handled() {},
    })
  }
  const { lane: fastLane, packets } = fast
  /** Those that wait until the journal has synced. */
  let held = new Set<Connection>()
  packets.onSettled(() => {
    const again = held
    if (again.size === 0) return
    held = new Set()
    for (const { settled } of again) settled()
  })

  function take(connection: Connection, chunk: Buffer): void {
    const { client, lane, tail } = connection
    let bytes = chunk
    let at = 0
    if (connection.owed > 0) {
      at = Math.min(connection.owed, chunk.length)
      connection.owed -= at
      client._parser.parse(chunk.subarray(0, at))
    } else if (tail !== null) {
      bytes = Buffer.concat([tail, chunk])
      connection.tail = null
    }
    let given = at
    let isFast = client.connected && client._parsingBatch === 0
    while (at < bytes.length) {
      const body = bodyOf(bytes, at)
      const end = endOf(body)
      if (end > bytes.length) {
        if (waitsForMore(bytes, at, body)) connection.tail = Buffer.from(bytes.subarray(at))
        else {
          // What is malformed has no end: aedes gets all of it, and closes the connection.
          connection.owed = end - bytes.length
          at = bytes.length
        }
        break
      }
      if (isFast && fastLane.look(lane, bytes, at, body, end) && fastLane.take(lane)) given = end
      else isFast = false
      at = end
    }
    fastLane.endOfRead(lane)
    if (at > given) client._parser.parse(bytes.subarray(given, at))
  }

  /** Whether it must wait; then it is told when that may be over. */
  function waits(connection: Connection, mustWait: boolean): boolean {
    if (mustWait) held.add(connection)
    return mustWait
  }

  return (client, settled) => {
    const lane = fastLane.open(client)
    const connection: Connection = { client, lane, settled, tail: null, owed: 0 }
    const isBehind = () => lane.waiting >= limits.packetsInFlightMax || packets.unsynced() >= limits.unsyncedBytesMax
    return {
      take: (bytes) => take(connection, bytes),
      isBehind: () => waits(connection, isBehind()),
      isWaiting: () => waits(connection, lane.waiting > 0),
      handled() {},
    }
  }
}
