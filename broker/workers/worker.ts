/** One worker as the main process sees it: its connections, what it was asked, and its end, whenever that comes. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client } from 'aedes'
import { limits } from '../../telemetry/limits.ts'
import type { JournalEnd } from '../../telemetry/message.ts'
import { endOfBody, fromJson, numberAt, numbers, type Opened, type WorkerTold } from './bodies.ts'
import { createFrameReader, createFrames, FrameKind } from './frames.ts'
import { RelayStream } from './relay-stream.ts'

/** The process of a worker. */
export type WorkerProcess = {
  /** To and from it. Everything that it has written is read before `ended` resolves. */
  stream: Duplex
  /** `sent` hears whether the socket is not ours any more. */
  hand(id: number, listener: number, socket: Socket, sent: (isSent: boolean) => void): void
  kill(): void
  /** What it ended of. */
  ended: Promise<string>
}

export type WorkerEvents = {
  ready(end: JournalEnd): void
  connected(stream: RelayStream): void
  /** A client may have sent more than the broker knows: its rate elsewhere [RateAhead]. */
  rate(client: Client, body: Buffer): void
  alive(client: Client): void
  grew(end: JournalEnd): void
  failed(detail: string): void
  told(told: WorkerTold): void
}

export type Worker = {
  /** Connections. */
  size(): number
  hand(socket: Socket, listener: number, left: () => void): void
  /** Resolves when no message that the filter matches is taken by the worker any more. */
  heard(filter: string): Promise<void>
  send(kind: FrameKind, body?: Buffer): void
  /** Ends all connections: they are lost by our own doing. */
  loseConnections(): void
  /** Nothing of it comes any more; connections end, questions are answered. */
  over(): void
}

const tickMs = 500
const answerTicksMax = limits.workerAnswerMsMax / tickMs
const silentTicksMax = limits.workerSilentMsMax / tickMs

/** Connections have a number over all workers of the process. */
let lastId = 0

export function createWorker(process: WorkerProcess, events: WorkerEvents): Worker {
  const { stream } = process
  const frames = createFrames(stream)
  /** `socket`: until it is there. `stream`: from where MQTT begins. */
  const connections = new Map<number, { socket: Socket | null; stream: RelayStream | null; left: () => void }>()
  /** Questions in their order. */
  let asked: Array<{ version: number; resolve: () => void; ticks: number }> = []
  let version = 0
  let isOver = false
  let isLosing = false
  let silentTicks = 0
  // Whoever hangs holds up everybody who subscribes, and its own connections. Time is told by turns of our own, so that
  // nobody is blamed for an answer that we had no time to read.
  const timer = setInterval(() => {
    silentTicks++
    for (const it of asked) it.ticks++
    if (silentTicks > silentTicksMax || (asked[0]?.ticks ?? 0) > answerTicksMax) process.kill()
  }, tickMs)

  function forget(id: number): void {
    const connection = connections.get(id)
    connections.delete(id)
    connection?.left()
  }
  /** Nothing will come of it any more. */
  function over(id: number): void {
    const connection = connections.get(id)
    connection?.socket?.destroy()
    connection?.stream?.lose()
    forget(id)
  }

  function opened(id: number, body: Buffer): void {
    const connection = connections.get(id)
    if (connection === undefined) return
    connection.stream = new RelayStream(fromJson<Opened>(body), (kind, more) => {
      if (!isOver) frames.send(kind, id, more)
    })
    events.connected(connection.stream)
    if (isLosing) connection.stream.endLost()
  }

  function take(kind: FrameKind, id: number, body: Buffer): void {
    if (id > 0) return void takeOf(kind, id, body)
    if (kind === FrameKind.grew) events.grew(endOfBody(body))
    else if (kind === FrameKind.heardOk) {
      const upTo = numberAt(body, 0)
      for (const { version, resolve } of asked) if (version <= upTo) resolve()
      asked = asked.filter((it) => it.version > upTo)
    } else if (kind === FrameKind.told) events.told(fromJson<WorkerTold>(body))
    else if (kind === FrameKind.failed) events.failed(body.toString())
    else if (kind === FrameKind.ready) events.ready(endOfBody(body))
  }
  function takeOf(kind: FrameKind, id: number, body: Buffer): void {
    if (kind === FrameKind.opened) return void opened(id, body)
    const stream = connections.get(id)?.stream ?? null
    if (kind === FrameKind.closed) forget(id)
    if (stream === null) return
    const { client } = stream as unknown as { client: Client }
    if (kind === FrameKind.alive) events.alive(client)
    else if (kind === FrameKind.rate) events.rate(client, body)
    else stream.frame(kind, body)
  }

  const read = createFrameReader(take)
  stream.on('error', () => {})
  stream.on('data', (bytes: Buffer) => {
    silentTicks = 0
    if (read(bytes) !== null) process.kill()
  })

  return {
    size: () => connections.size,
    hand(socket, listener, left) {
      const id = ++lastId
      const connection = { socket, stream: null, left }
      connections.set(id, connection)
      process.hand(id, listener, socket, (isSent) => {
        if (isSent) Object.assign(connection, { socket: null })
        else over(id)
      })
    },
    heard(filter) {
      if (isOver) return Promise.resolve()
      const mine = ++version
      frames.send(FrameKind.heard, 0, Buffer.concat([numbers(mine), Buffer.from(filter)]))
      return new Promise((resolve) => asked.push({ version: mine, resolve, ticks: 0 }))
    },
    send(kind, body) {
      if (!isOver) frames.send(kind, 0, body)
    },
    loseConnections() {
      isLosing = true
      for (const { stream } of connections.values()) stream?.endLost()
    },
    over() {
      isOver = true
      clearInterval(timer)
      for (const { resolve } of asked.splice(0)) resolve()
      for (const id of connections.keys()) over(id)
    },
  }
}
