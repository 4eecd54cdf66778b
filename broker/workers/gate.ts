/**
 * The worker's side: sockets that the main process hands over become connections, whose readings go into this worker's
 * part of the journal, and all else to the main process. That the part has grown is told before anything is acknowledged.
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import type { Counters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { JournalEnd, PacketEntrance } from '../../telemetry/message.ts'
import { shownCertificate } from '../access/certificate-names.ts'
import { createFastLane } from '../fast-lane.ts'
import { createTls, type TlsFiles } from '../tls.ts'
import { countedPackets } from '../traffic.ts'
import { createWay, endsOf, isSecure, type Scheme, socketOf, type Transport } from '../way-in.ts'
import { endBody, json, numberAt, numbers, type PartStats } from './bodies.ts'
import { type Connection, createConnection } from './connection.ts'
import { createFrameReader, createFrames, FrameKind } from './frames.ts'
import { createGrantedTopics, grantedRules } from './granted-topics.ts'

/** The listeners of the main process, and what a worker needs to know of them. Plain data. */
export type GateSetup = {
  listeners: Array<{ scheme: Scheme; host: string; path: string }>
  tls: TlsFiles | null
  /** base64. Shared by all workers: a session begun at one resumes at another. Null without TLS. */
  ticketKeys: string | null
  origins: readonly string[]
}

/** A part of the journal. */
export type Part = PacketEntrance & {
  end(): JournalEnd
  release(position: number): Promise<void>
  stats(): PartStats
  status(): { state: 'ok' | 'full' | 'failed'; detail: string }
}

export type GateOptions = GateSetup & {
  /** To and from the main process. */
  stream: Duplex
  part: Part
  counters: Counters
  log: Logger
  /** The main process wants this worker to end; connections are gone already. */
  onStop: () => void
}

export type Gate = {
  /** A socket of the listener with this index, by the number that the main process has given it. */
  hand(id: number, listener: number, socket: Socket | undefined): void
  /** Tells what is left to tell. */
  close(): void
}

export function createGate(options: GateOptions): Gate {
  const { stream, part, counters, log } = options
  const frames = createFrames(stream)
  const connections = new Map<number, Connection>()
  /** Sockets on which MQTT is not spoken yet, and their numbers by their ends. */
  const arriving = new Map<string, { id: number; socket: Socket }>()
  let waiting = new Set<Connection>()
  const topics = createGrantedTopics()

  // Before the lane, which acknowledges: what follows from a PUBACK stands behind its reading in the journal.
  part.onSettled((_durable, error) => {
    frames.send(FrameKind.grew, 0, endBody(part.end()))
    if (error !== null) frames.send(FrameKind.failed, 0, Buffer.from(error.message))
    frames.flush()
  })
  const counted = countedPackets(part, counters, () => {})
  /** Without room everything takes the long way, where it waits. */
  let hasRoom = true
  const packets: PacketEntrance = { ...counted, append: (packet) => (hasRoom ? counted.append(packet) : -1) }
  const lane = createFastLane(packets, grantedRules, counters)
  part.onSettled(goOn)
  stream.on('drain', goOn)
  function goOn(): void {
    const again = waiting
    waiting = new Set()
    for (const connection of again) connection.goOn()
  }

  const { ticketKeys } = options
  const tls =
    options.tls === null || ticketKeys === null ? null : createTls(options.tls, log, Buffer.from(ticketKeys, 'base64'))
  const ways = options.listeners.map((listener) =>
    createWay({
      ...listener,
      tls: isSecure(listener.scheme) ? tls : null,
      origins: options.origins,
      counters,
      connected,
    }),
  )

  function connected(transport: Transport): void {
    const ends = endsOf(transport)
    const arrived = arriving.get(ends)
    if (arrived === undefined) return void transport.destroy()
    arriving.delete(ends)
    const { id } = arrived
    const socket = socketOf(transport)
    const { remoteAddress: address = '', remotePort: port = 0 } = socket
    frames.send(FrameKind.opened, id, json({ address, port, certificate: shownCertificate(socket) }))
    const wait = (connection: Connection) => void waiting.add(connection)
    const gone = () => void connections.delete(id)
    connections.set(id, createConnection({ id, transport, frames, packets, lane, topics, wait, gone }))
  }

  function take(kind: FrameKind, id: number, body: Buffer): void {
    if (id > 0) connections.get(id)?.take(kind, body)
    else if (kind === FrameKind.heard) {
      topics.heard(body.toString('utf8', 8))
      frames.send(FrameKind.heardOk, 0, numbers(numberAt(body, 0)))
    } else if (kind === FrameKind.release) {
      part.release(numberAt(body, 0)).catch((error) => log.error({ err: error }, 'journal could not be released'))
    } else if (kind === FrameKind.room) hasRoom = numberAt(body, 0) === 1
    else if (kind === FrameKind.reloadCertificate) {
      const problem = tls?.reload(Buffer.from(body)) ?? null
      if (problem !== null) log.error(`${problem}; the certificate from before stays in use`)
    } else if (kind === FrameKind.stop) {
      for (const { socket } of arriving.values()) socket.destroy()
      options.onStop()
    }
  }

  const read = createFrameReader(take)
  stream.on('data', (bytes: Buffer) => {
    const problem = read(bytes)
    if (problem !== null) stream.destroy(new Error(problem))
  })
  const tell = () => {
    const { refused, refusedReadings, subscriberClosed, mqtt } = counters
    const { state, detail } = part.status()
    const told = {
      journal: part.stats(),
      full: state === 'full' ? detail : '',
      mqtt,
      refused,
      refusedReadings,
      subscriberClosed,
    }
    frames.send(FrameKind.told, 0, json(told))
  }
  const timer = setInterval(tell, limits.workerTellMs)
  frames.send(FrameKind.ready, 0, endBody(part.end()))

  return {
    hand(id, listener, socket) {
      const way = ways[listener]
      // It ended on its way to us.
      if (socket === undefined || socket.destroyed || way === undefined) {
        socket?.destroy()
        return frames.send(FrameKind.closed, id)
      }
      const ends = endsOf(socket)
      arriving.set(ends, { id, socket })
      socket.once('close', () => {
        if (arriving.get(ends)?.id !== id) return
        arriving.delete(ends)
        frames.send(FrameKind.closed, id)
      })
      way(socket)
    },
    close() {
      clearInterval(timer)
      tell()
      frames.flush()
    },
  }
}
