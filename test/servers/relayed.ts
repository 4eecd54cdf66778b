/** Workers in the same process, joined to the broker by a pair of streams: the same frames, without child processes. */
import type { Socket } from 'node:net'
import { Duplex, type DuplexOptions } from 'node:stream'
import pino from 'pino'
import { createShortWay } from '../../broker/short-way.fake.ts'
import { createGate, type Part } from '../../broker/workers/gate.ts'
import type { WorkersOptions } from '../../broker/workers/workers.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { deferred } from '../../telemetry/deferred.ts'
import type { JournalEnd, Message, PacketEntrance } from '../../telemetry/message.ts'
import { createTimes } from '../../telemetry/times.ts'

export type Relayed = {
  options: WorkersOptions
  /** What each part has told of itself, in order. */
  grown: Array<{ part: number; end: JournalEnd }>
  /** As kill -9: nothing more comes of the worker, and its sockets are gone. */
  kill(part: number): void
  /** The worker hangs: what is written to it is not read. */
  hang(part: number): void
}

export type RelayedOptions = {
  count?: number
  /** The journal of a part; absent: one that hands on what it takes. */
  partOf?: (part: number) => PacketEntrance
  take?: (message: Message) => void
}

export function relayed({ count = 1, take = () => {}, partOf = () => createShortWay(take) }: RelayedOptions): Relayed {
  const grown: Relayed['grown'] = []
  const running = new Map<number, { kill(): void; hang(): void }>()
  const ends = new Map<number, JournalEnd>()
  const zero = { position: 0, ordinal: 0, receivedAtUs: 0 }
  return {
    grown,
    kill: (part) => running.get(part)?.kill(),
    hang: (part) => running.get(part)?.hang(),
    options: {
      count,
      endOf: (part) => ends.get(part) ?? zero,
      partGrew: (part, end) => void grown.push({ part, end }),
      recoverPart: async (part) => ends.get(part) ?? zero,
      start(part, setup) {
        const [stream, other] = pair()
        const ended = deferred()
        let why = ''
        const sockets = new Set<Socket>()
        const packets = partOf(part)
        let isDead = false
        // Every record counts as a reading; it is durable when the listeners hear of it.
        packets.onSettled((durable) => ends.set(part, { position: durable, ordinal: durable, receivedAtUs: durable }))
        const journal: Part = {
          ...packets,
          append: (packet) => (isDead ? -1 : packets.append(packet)),
          onSettled: (listener) =>
            packets.onSettled((durable, error) => {
              if (!isDead) listener(durable, error)
            }),
          end: () => ends.get(part) ?? zero,
          release: async () => {},
          status: () => ({ state: 'ok', detail: '' }),
          stats: () => ({ bytes: 0, segments: 1, syncs: 0, syncTimes: createTimes(), unsyncedBytes: 0 }),
        }
        const die = (cause: string) => {
          if (isDead) return
          why = cause
          isDead = true
          for (const socket of sockets) socket.destroy()
          gate.close()
          other.destroy()
          stream.destroy()
          setImmediate(ended.resolve)
        }
        const gate = createGate({
          ...setup,
          stream: other,
          part: journal,
          counters: createCounters(),
          log: pino({ level: 'silent' }),
          onStop: () => setImmediate(() => die('stopped')),
        })
        running.set(part, { kill: () => die('killed'), hang: () => void other.pause() })
        return {
          stream,
          hand(id, listener, socket, sent) {
            if (isDead) return sent(false)
            sent(true)
            sockets.add(socket)
            socket.once('close', () => sockets.delete(socket))
            gate.hand(id, listener, socket)
          },
          kill: () => die('killed'),
          ended: ended.promise.then(() => why),
        }
      },
    },
  }
}

/** What is written to the one is read from the other. */
function pair(): [Duplex, Duplex] {
  let one: Duplex
  let other: Duplex
  const to = (target: () => Duplex): DuplexOptions => ({
    read() {},
    write(chunk, _encoding, done) {
      // In a later turn, as through a pipe.
      setImmediate(() => {
        if (!target().destroyed) target().push(chunk)
        done()
      })
    },
    final(done) {
      if (!target().destroyed) target().push(null)
      done()
    },
  })
  one = new Duplex(to(() => other))
  other = new Duplex(to(() => one))
  for (const stream of [one, other]) stream.on('error', () => {})
  return [one, other]
}
