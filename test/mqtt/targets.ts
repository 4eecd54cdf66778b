/** What the cases are run against: our broker, mosquitto as the judge of the cases, and aedes without the mends. */
import { createServer, type Socket } from 'node:net'
import { Aedes, type AedesOptions } from 'aedes'
import pino from 'pino'
import type { AedesBroker } from '../../broker/aedes-internals.ts'
import { type Broker, createBroker } from '../../broker/broker.ts'
import { createIntake } from '../../broker/intake.ts'
import { createMends } from '../../broker/mends/mends.ts'
import { indexRetained } from '../../broker/mends/retained-lookup.ts'
import { openSessions } from '../../broker/sessions/sessions.ts'
import { createShortWay } from '../../broker/short-way.fake.ts'
import { type Counters, createCounters } from '../../telemetry/counters.ts'
import { createEpochs } from '../../telemetry/epoch.ts'
import type { Message } from '../../telemetry/message.ts'
import { startMosquitto } from '../servers/mosquitto.ts'
import { relayed } from '../servers/relayed.ts'
import { type ConnectFields, connect } from './packets.ts'
import { openPeer, type Peer } from './peer.ts'

export type Target = {
  port: number
  open(): Promise<Peer>
  /** Opened, and the CONNACK read. @throws when it is no grant. */
  connected(fields: Partial<ConnectFields>): Promise<Peer>
  close(): Promise<void>
}

let used = 0
/** Retained messages and sessions of one case are not to be met by another. */
export const unique = (name: string): string => `${name}${++used}`

function target(port: number, patienceMs: number, close: () => Promise<void>): Target {
  const open = () => openPeer(port, patienceMs)
  return {
    port,
    open,
    async connected(fields) {
      const peer = await open()
      peer.send(connect({ id: unique('c'), ...fields }))
      const { body } = await peer.expect('connack')
      if (body[1] !== 0) throw new Error(`CONNACK ${body[1]}`)
      return peer
    },
    close,
  }
}

export type Own = Target & { broker: Broker; counters: Counters; taken: Message[] }
/** The same behind two workers. */
export const startRelayed = (patienceMs?: number): Promise<Own> => startOwn(patienceMs, 2)

/** Our broker, with a journal that takes everything at once and keeps nothing. */
export async function startOwn(patienceMs = 3_000, count = 0): Promise<Own> {
  const counters = createCounters()
  const taken: Message[] = []
  const take = (message: Message) => void taken.push(message)
  const broker = await createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials: null,
    statusTopic: 'sensors/{site}/{device}/status',
    async accept(message) {
      taken.push({ ...message, payload: Buffer.from(message.payload) })
    },
    packets: createShortWay(take),
    workers: count === 0 ? null : relayed({ count, take }).options,
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log: pino({ level: 'silent' }),
  })
  const { port } = broker.addresses[0] as { port: number }
  return Object.assign(
    target(port, patienceMs, () => broker.close()),
    { broker, counters, taken },
  )
}

export async function startJudge(): Promise<Target> {
  const mosquitto = await startMosquitto()
  return target(mosquitto.port, 3_000, () => mosquitto.close())
}

export type Bare = Target & { aedes: Aedes; counters: Counters }

/** aedes as it comes. */
export async function startStock(options: AedesOptions = {}, patienceMs = 500): Promise<Bare> {
  const aedes = await Aedes.createBroker(options)
  return serve(aedes, createCounters(), (socket) => void aedes.handle(socket), patienceMs)
}

/** aedes with the mends and with other hooks than our broker gives it. */
export async function startMended(options: AedesOptions = {}, patienceMs = 3_000): Promise<Bare> {
  const counters = createCounters()
  const mends = createMends({ counters, hasSession: () => false, intake: createIntake(null) })
  const aedes = new Aedes(mends.options(options)) as AedesBroker
  await aedes.listen()
  indexRetained(aedes.persistence)
  const sessions = await openSessions({
    aedes,
    folder: null,
    commands: { topics: [], expiryMs: 0 },
    graceMs: 1_000,
    publishWill: async () => {},
    ownerOf: () => null,
    counters,
    log: pino({ level: 'silent' }),
  })
  mends.listening(aedes)
  aedes.on('closed', () => void sessions.close())
  return serve(aedes, counters, (socket) => mends.connected(aedes.handle(socket)), patienceMs)
}

async function serve(aedes: Aedes, counters: Counters, handle: (socket: Socket) => void, ms: number): Promise<Bare> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    handle(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const close = async () => {
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
    await new Promise<void>((resolve) => aedes.close(resolve))
    for (const socket of sockets) socket.destroy()
    await stopped
  }
  return Object.assign(target(port, ms, close), { aedes, counters })
}
