/**
 * One client of a crowd: it connects, pings, and has at most one message without PUBACK. It keeps little more than its
 * socket, so that a machine holds hundreds of thousands of them.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { connect, pingreq, publish } from '../test/mqtt/packets.ts'

export type Network = {
  port: number
  /** Null: plain TCP. */
  tls: SecureContext | null
  /** Address of this machine that it connects from, and a port there that is free. */
  address: string
  nextPort(): number
  keepAliveS: number
}

export type MemberEvents = {
  connected(member: Member): void
  acked(member: Member): void
  ponged(): void
  /** `why`: of the socket, or what the broker did that it may not. */
  closed(member: Member, why: string): void
}

const payloadBytes = 200
const noBytes = Buffer.alloc(0)

export class Member {
  readonly id: string
  isConnected = false
  /** By performance.now(): when it began to connect. */
  begunAtMs = 0
  /** ... and when the message without PUBACK was written; 0: there is none. */
  writtenAtMs = 0
  #socket: Socket | null = null
  /** The same, or what is below TLS. */
  #tcp: Socket | null = null
  #sequence = 0
  #rest = noBytes
  #why = ''

  constructor(id: string) {
    this.id = id
  }

  open(network: Network, events: MemberEvents): void {
    this.begunAtMs = performance.now()
    this.#why = ''
    this.#rest = noBytes
    const { port, tls, address, keepAliveS } = network
    const ends = { host: '127.0.0.1', port, localAddress: address, localPort: network.nextPort() }
    const tcp = connectTcp({ ...ends, noDelay: true })
    // The certificate was made for this run, and nobody vouches for it.
    const socket = tls === null ? tcp : connectTls({ socket: tcp, secureContext: tls, rejectUnauthorized: false })
    if (socket !== tcp) tcp.on('error', (error) => socket.destroy(error))
    this.#tcp = tcp
    this.#socket = socket
    socket.on('data', (bytes) => this.#arrived(bytes, events))
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? error.message))
    socket.on('close', () => {
      this.isConnected = false
      this.writtenAtMs = 0
      this.#socket = null
      this.#tcp = null
      events.closed(this, this.#why === '' ? 'the broker closed the connection' : this.#why)
    })
    socket.write(connect({ id: this.id, keepAliveS }))
  }

  ping(): void {
    this.#socket?.write(pingreq)
  }

  /** 200 bytes of JSON with QoS 1. */
  publish(): void {
    this.writtenAtMs = performance.now()
    const value = 3 + ((this.#sequence * 7919) % 1000) / 1000
    const known = `{"v":${value},"t":${Date.now()},"seq":${this.#sequence++},"note":"`
    const payload = `${known.padEnd(payloadBytes - 2, '.')}"}`
    this.#socket?.write(publish(`sensors/bench/${this.id}/voltage`, payload, { qos: 1, id: 1 }))
  }

  /** Ends it as a network does that is gone: nothing is said. */
  reset(): void {
    this.#fail('reset by ourselves')
    this.#tcp?.resetAndDestroy()
  }

  #fail(why: string): void {
    if (this.#why === '') this.#why = why
  }

  #arrived(given: Buffer, events: MemberEvents): void {
    const bytes = this.#rest.length === 0 ? given : Buffer.concat([this.#rest, given])
    let at = 0
    while (at + 2 <= bytes.length && at + 2 + (bytes[at + 1] as number) <= bytes.length) {
      const problem = this.#take(bytes, at, events)
      if (problem !== null) {
        this.#fail(problem)
        this.#socket?.destroy()
        return
      }
      at += 2 + (bytes[at + 1] as number)
    }
    this.#rest = at === bytes.length ? noBytes : Buffer.from(bytes.subarray(at))
  }

  /** One packet. Answers what is wrong with it. */
  #take(bytes: Buffer, at: number, events: MemberEvents): string | null {
    const kind = bytes[at]
    if (kind === 0x20) {
      if (bytes[at + 3] !== 0) return `CONNACK ${bytes[at + 3]}`
      this.isConnected = true
      events.connected(this)
    } else if (kind === 0x40) {
      if (this.writtenAtMs === 0) return 'a PUBACK too many'
      events.acked(this)
      this.writtenAtMs = 0
    } else if (kind === 0xd0) events.ponged()
    else return `a packet that begins with ${kind}`
    return null
  }
}
