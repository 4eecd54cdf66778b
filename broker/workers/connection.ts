/**
 * One connection of a worker. What is read goes into the part of the journal where that was granted, and to the main
 * process else, in order: the short way only while nothing of the connection is in the hands of the main process, the long
 * way only when everything before it is acknowledged.
 */
import { limits } from '../../telemetry/limits.ts'
import type { PacketEntrance } from '../../telemetry/message.ts'
import type { FastLane, Lane } from '../fast-lane.ts'
import { bodyOf, endOf, waitsForMore } from '../packet-cut.ts'
import type { Transport } from '../way-in.ts'
import { aheadAt, aheadBody, fromJson, type Grant, numberAt, numbers } from './bodies.ts'
import { FrameKind, type Frames } from './frames.ts'
import { type GrantedClient, type GrantedTopics, grantedRules, nothingGranted } from './granted-topics.ts'

export type ConnectionOptions = {
  id: number
  transport: Transport
  frames: Frames
  packets: PacketEntrance
  lane: FastLane<GrantedClient>
  topics: GrantedTopics
  /** Call goOn() when the journal has synced, or the main process has read on. */
  wait(connection: Connection): void
  /** Everything was told: the connection is no more. */
  gone(): void
}

export type Connection = {
  goOn(): void
  /** A frame of the main process. */
  take(kind: FrameKind, body: Buffer): void
}

export function createConnection(options: ConnectionOptions): Connection {
  const { id, transport, frames, packets, lane: fastLane, topics } = options
  const granted = nothingGranted()
  const client: GrantedClient = {
    closed: false,
    conn: transport,
    granted,
    tellAlive: () => frames.send(FrameKind.alive, id),
  }
  const lane: Lane<GrantedClient> = fastLane.open(client)
  /** Bytes given to the main process, and those that it has handled. */
  let relayed = 0
  let settled = 0
  /** Bytes of a packet that the main process has begun with. */
  let owed = 0
  /** The end of a read: the beginning of a packet. */
  let tail: Buffer | null = null
  /** Whole packets that wait for what is before them. */
  let rest: Buffer | null = null
  let patience: NodeJS.Timeout | null = null
  let isImpatient = false
  let isPaused = false
  /** The main process wants no more of it. */
  let isUnwanted = false
  let hasEnded = false
  let isEndTold = false
  let isGone = false
  let undrained = 0
  let waitsForDrain = false

  const isLaneBusy = () => lane.run !== null || lane.waiting > 0

  function relay(bytes: Buffer): void {
    if (granted.rate !== null && granted.hasTaken) {
      granted.hasTaken = false
      frames.send(FrameKind.rate, id, aheadBody(granted.rate.ahead(performance.now())))
    }
    frames.send(FrameKind.data, id, bytes)
    relayed += bytes.length
  }

  function arrived(chunk: Buffer): void {
    let bytes = chunk
    if (owed > 0) {
      const begun = bytes.subarray(0, owed)
      owed -= begun.length
      relay(begun)
      bytes = bytes.subarray(begun.length)
    } else if (tail !== null) {
      bytes = Buffer.concat([tail, bytes])
      tail = null
    }
    cut(bytes)
  }

  function cut(bytes: Buffer): void {
    let at = 0
    /** Up to here it went the short way. */
    let taken = 0
    while (at < bytes.length) {
      const body = bodyOf(bytes, at)
      const end = endOf(body)
      if (end > bytes.length) {
        if (waitsForMore(bytes, at, body)) tail = Buffer.from(bytes.subarray(at))
        else if (isLaneBusy()) rest = bytes.subarray(at)
        else {
          // What is malformed has no end: aedes gets all of it, and closes the connection.
          owed = end - bytes.length
          at = bytes.length
        }
        break
      }
      const isShort = fastLane.look(lane, bytes, at, body, end)
      const isFirst = at === taken && relayed === settled
      if (isShort && isFirst && fastLane.take(lane)) {
        taken = end
      } else if (isLaneBusy() || (isShort && !isFirst && !isImpatient)) {
        rest = bytes.subarray(at)
        break
      }
      at = end
    }
    fastLane.endOfRead(lane)
    if (at > taken) relay(bytes.subarray(taken, at))
    if (rest !== null) hold()
  }

  function hold(): void {
    // Whose packets wait is alive.
    grantedRules.sawAlive(client)
    if (isLaneBusy()) return void options.wait(connection)
    patience ??= setTimeout(() => {
      patience = null
      isImpatient = true
      goOn()
    }, limits.shortWayWaitMs)
  }

  function goOn(): void {
    if (rest !== null) {
      const bytes = rest
      rest = null
      if (!isUnwanted) cut(bytes)
    }
    read()
    tellEnds()
  }

  function read(): void {
    while (rest === null && !isPaused && !isUnwanted && !transport.destroyed) {
      if (lane.waiting >= limits.packetsInFlightMax || packets.unsynced() >= limits.unsyncedBytesMax) {
        return void options.wait(connection)
      }
      if (frames.isBehind()) return void options.wait(connection)
      // A client that sends and does not read what it is answered: its answers are bounded, too.
      if (transport.writableLength > limits.unreadAnswerBytesMax) return void waitForDrain()
      const bytes = transport.read() as Buffer | null
      if (bytes === null) return
      arrived(bytes)
    }
  }
  function waitForDrain(): void {
    if (waitsForDrain) return
    waitsForDrain = true
    transport.once('drain', () => {
      waitsForDrain = false
      goOn()
    })
  }

  /** That the client sends no more, or is gone, counts behind everything that it has sent, and that is acknowledged first. */
  function tellEnds(): void {
    if (rest !== null || !(hasEnded || client.closed)) return
    if (isLaneBusy()) return void options.wait(connection)
    if (hasEnded && !isEndTold) frames.send(FrameKind.ended, id)
    isEndTold = hasEnded
    if (!client.closed || isGone) return
    isGone = true
    if (patience !== null) clearTimeout(patience)
    frames.send(FrameKind.closed, id)
    options.gone()
  }

  function write(bytes: Buffer): void {
    transport.write(bytes, (error) => {
      undrained += bytes.length
      if (error || undrained < limits.relayWindowBytes / 4) return
      frames.send(FrameKind.drained, id, numbers(undrained))
      undrained = 0
    })
  }

  function destroy(isAtOnce: boolean): void {
    isUnwanted = true
    rest = null
    if (isAtOnce || transport.destroyed) transport.destroy()
    else if (transport.writableLength === 0) transport.destroy()
    else {
      // Who does not take what was written is not waited for.
      transport.end()
      setTimeout(() => transport.destroy(), limits.lastAnswersMsMax).unref()
      transport.once('finish', () => transport.destroy())
    }
    goOn()
  }

  function handled(body: Buffer): void {
    settled = numberAt(body, 0)
    if (body.length > 8) granted.rate?.catchUp(aheadAt(body, 1), performance.now())
    if (settled !== relayed) return
    if (patience !== null) clearTimeout(patience)
    patience = null
    isImpatient = false
    if (rest !== null) goOn()
  }

  const connection: Connection = {
    goOn,
    take(kind, body) {
      if (kind === FrameKind.data) write(body)
      else if (kind === FrameKind.settled) handled(body)
      else if (kind === FrameKind.end) transport.end()
      else if (kind === FrameKind.destroy) destroy(body[0] === 1)
      else if (kind === FrameKind.pause) isPaused = true
      else if (kind === FrameKind.resume) {
        isPaused = false
        goOn()
      } else if (kind === FrameKind.granted) {
        topics.grant(granted, fromJson<Grant>(body))
        lane.topic = null
        lane.epoch = 0
      }
    },
  }

  transport.allowHalfOpen = true
  transport.on('readable', read)
  transport.on('error', () => {})
  transport.on('end', () => {
    hasEnded = true
    tellEnds()
  })
  transport.on('close', () => {
    client.closed = true
    isImpatient = true
    goOn()
  })
  return connection
}
