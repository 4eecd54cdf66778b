/**
 * A device's connection: it tries again with backoff and jitter, gives up on answers that do not come, pings, and tells the
 * meter what it costs.
 */

import type { Meter } from '../energy/meter.ts'
import type { Profile } from '../profile.ts'
import type { Random } from '../random.ts'
import type { SimClock } from '../sim-clock.ts'
import type { Connection, ConnectionEvents, ConnectOptions, OutgoingPublish, Transport } from '../transport.ts'

export type UplinkOwner = {
  connectOptions(): ConnectOptions
  connected(isSessionPresent: boolean): void
  acknowledged(packetId: number): void
  /** Not by our own leave() or cut(). */
  disconnected(): void
}

export type UplinkOptions = {
  profile: Pick<Profile, 'retryS' | 'acknowledgeTimeoutS' | 'keepAliveS'>
  clock: SimClock
  random: Random
  transport: Transport
  meter: Meter
}

/** The wait is doubled so often. */
const doublingsMax = 6
const connackBytes = 4

export class Uplink {
  isUp = false
  /** It means to connect no earlier. */
  tryAtMs = 0
  /** Why the last connect failed; null when none did. */
  problem: string | null = null
  readonly #options: UplinkOptions
  readonly #owner: UplinkOwner
  #attempt: Attempt | null = null
  #connection: Connection | null = null
  #failures = 0
  /** Answers that are due, and when the next one must have come. */
  #due = 0
  #answerByMs = Infinity
  #pingAtMs = Infinity

  constructor(options: UplinkOptions, owner: UplinkOwner) {
    this.#options = options
    this.#owner = owner
  }

  /** Connected, or on the way. */
  get isOpen(): boolean {
    return this.#attempt !== null
  }

  open(): void {
    const connect = this.#owner.connectOptions()
    this.#attempt = new Attempt(this, connectBytes(connect))
    this.#expect()
    this.#connection = this.#options.transport.open(connect, this.#attempt)
  }

  publish(packet: OutgoingPublish): void {
    const { clock, meter } = this.#options
    const { topic, payload, qos } = packet
    this.#connection?.publish(packet)
    if (qos === 1) this.#expect()
    this.#spoke()
    const topicBytes = Buffer.byteLength(topic)
    const rest = 2 + topicBytes + (qos === 1 ? 2 : 0) + payload.length
    const header = 1 + lengthBytes(rest) + rest - topicBytes - payload.length
    meter.published(clock.nowMs(), { header, topic: topicBytes, payload: payload.length }, qos === 1)
  }

  subscribe(filter: string): void {
    this.#connection?.subscribe(filter, 1)
    this.#spoke()
  }

  /** By a DISCONNECT. */
  leave(): void {
    const connection = this.#connection
    this.#close()
    connection?.end()
  }

  /** Without a word, as when the device starts again or is pulled out. */
  cut(): void {
    const connection = this.#connection
    this.#close()
    connection?.drop()
  }

  /** When work() has something to do. */
  dueMs(): number {
    return Math.min(this.#answerByMs, this.#pingAtMs)
  }

  work(nowMs: number): void {
    if (nowMs >= this.#answerByMs) {
      this.cut()
      this.#fail(`no answer within ${this.#options.profile.acknowledgeTimeoutS} s`)
    } else if (nowMs >= this.#pingAtMs) {
      this.#connection?.ping()
      this.#options.meter.pinged(nowMs)
      this.#expect()
      this.#spoke()
    }
  }

  isCurrent(attempt: Attempt): boolean {
    return this.#attempt === attempt
  }

  answered(): void {
    this.#due = Math.max(0, this.#due - 1)
    this.#answerByMs = this.#due === 0 ? Infinity : this.#answerTimeMs()
  }

  established(isSessionPresent: boolean, connectBytes: number): void {
    const { clock, meter } = this.#options
    this.answered()
    this.isUp = true
    this.#failures = 0
    this.#spoke()
    meter.connected(clock.nowMs(), connectBytes, connackBytes)
    this.#owner.connected(isSessionPresent)
  }

  acknowledged(packetId: number): void {
    this.answered()
    this.#owner.acknowledged(packetId)
  }

  lost(detail: string): void {
    this.#close()
    this.#fail(detail)
  }

  #fail(detail: string): void {
    const { clock, random, profile } = this.#options
    this.problem = detail
    const waitMs = profile.retryS * 1000 * 2 ** Math.min(this.#failures, doublingsMax) * random.between(0.5, 1.5)
    this.#failures++
    this.tryAtMs = clock.nowMs() + Math.round(waitMs)
    this.#owner.disconnected()
  }

  #close(): void {
    if (this.isUp) this.#options.meter.disconnected(this.#options.clock.nowMs())
    this.isUp = false
    this.#attempt = null
    this.#connection = null
    this.#due = 0
    this.#answerByMs = Infinity
    this.#pingAtMs = Infinity
  }

  #expect(): void {
    this.#due++
    if (this.#due === 1) this.#answerByMs = this.#answerTimeMs()
  }

  #spoke(): void {
    const { clock, profile } = this.#options
    if (profile.keepAliveS > 0) this.#pingAtMs = clock.nowMs() + profile.keepAliveS * 1000
  }

  #answerTimeMs(): number {
    const { clock, profile } = this.#options
    return clock.nowMs() + profile.acknowledgeTimeoutS * 1000
  }
}

/** One try to connect and what comes of it; what comes late, when the device has turned away, is not heard. */
class Attempt implements ConnectionEvents {
  readonly #uplink: Uplink
  readonly #connectBytes: number

  constructor(uplink: Uplink, connectBytes: number) {
    this.#uplink = uplink
    this.#connectBytes = connectBytes
  }

  connected(isSessionPresent: boolean): void {
    if (this.#uplink.isCurrent(this)) this.#uplink.established(isSessionPresent, this.#connectBytes)
  }

  acknowledged(packetId: number): void {
    if (this.#uplink.isCurrent(this)) this.#uplink.acknowledged(packetId)
  }

  /** Commands change nothing that this firmware does. */
  message(): void {}

  ponged(): void {
    if (this.#uplink.isCurrent(this)) this.#uplink.answered()
  }

  closed(_why: 'refused' | 'lost' | 'ended', detail: string): void {
    if (this.#uplink.isCurrent(this)) this.#uplink.lost(detail)
  }
}

/** Of a remaining length [MQTT-3.1.1 §2.2.3]. */
const lengthBytes = (length: number): number => (length < 2 ** 7 ? 1 : length < 2 ** 14 ? 2 : length < 2 ** 21 ? 3 : 4)

const textBytes = (text: string | undefined): number => (text === undefined ? 0 : 2 + Buffer.byteLength(text))

function connectBytes({ clientId, username, password, will }: ConnectOptions): number {
  const rest =
    10 +
    textBytes(clientId) +
    textBytes(will?.topic) +
    textBytes(will?.payload) +
    textBytes(username) +
    textBytes(password)
  return 1 + lengthBytes(rest) + rest
}
