/** A transport behind a bad link: all that passes is late, and connections break, or seem to be there and are not. */
import type { SimClock } from '../sim-clock.ts'
import type { Connection, ConnectionEvents, ConnectOptions, OutgoingPublish, Transport } from '../transport.ts'
import type { Direction, Link } from './link.ts'

/** A packet beside topic and payload, and a segment around it. */
const overheadBytes = 44
const pingBytes = 2 + overheadBytes
const answerBytes = 4 + overheadBytes
/** How long a modem looks for a network that is not there. */
const noNetworkMs = 2_000

export function withLink(transport: Transport, link: Link, clock: SimClock): Transport {
  return {
    open: (options, events) => new LinkedConnection(transport, link, clock, options, events),
    close: transport.close,
  }
}

class LinkedConnection implements Connection {
  readonly #link: Link
  readonly #clock: SimClock
  readonly #events: ConnectionEvents
  #inner: Connection | null = null
  /** For the device. */
  #isOpen = true
  /** Nothing passes any more, and nobody is told. */
  #isStuck = false
  #lastPassedMs: number
  #forgetOutage = () => {}

  constructor(transport: Transport, link: Link, clock: SimClock, options: ConnectOptions, events: ConnectionEvents) {
    this.#link = link
    this.#clock = clock
    this.#events = events
    const nowMs = clock.nowMs()
    this.#lastPassedMs = nowMs
    if (link.outage(nowMs) !== null) {
      clock.at(nowMs + noNetworkMs, () => this.#tell(() => events.closed('refused', 'no network')))
      return
    }
    this.#awaitOutage(nowMs)
    this.#pass('up', overheadBytes + options.clientId.length + 20, () => {
      this.#inner = transport.open(options, {
        connected: (sessionPresent) =>
          this.#pass('down', answerBytes, () => this.#tell(() => events.connected(sessionPresent))),
        acknowledged: (id) => this.#pass('down', answerBytes, () => this.#tell(() => events.acknowledged(id))),
        message: (topic, payload) =>
          this.#pass('down', overheadBytes + topic.length + payload.length, () =>
            this.#tell(() => events.message(topic, payload)),
          ),
        ponged: () => this.#pass('down', pingBytes, () => this.#tell(() => events.ponged())),
        closed: (why, detail) =>
          this.#pass('down', overheadBytes, () => this.#closed(() => events.closed(why, detail))),
      })
    })
  }

  publish(packet: OutgoingPublish): void {
    const bytes = overheadBytes + Buffer.byteLength(packet.topic) + packet.payload.length
    const send = (it: OutgoingPublish) => this.#pass('up', bytes, () => this.#inner?.publish(it))
    send(packet)
    const againMs = packet.qos === 1 ? this.#link.repeatAfterMs() : null
    if (againMs === null) return
    this.#clock.at(this.#clock.nowMs() + againMs, () => {
      if (this.#isOpen) send({ ...packet, dup: true })
    })
  }

  subscribe(filter: string, qos: 0 | 1): void {
    this.#pass('up', overheadBytes + filter.length, () => this.#inner?.subscribe(filter, qos))
  }

  ping(): void {
    this.#pass('up', pingBytes, () => this.#inner?.ping())
  }

  end(): void {
    this.#leave(() => this.#inner?.end())
  }

  drop(): void {
    this.#leave(() => this.#inner?.drop())
  }

  /** The device has turned away; the other end learns of it when it can. */
  #leave(say: () => void): void {
    this.#isOpen = false
    if (!this.#isStuck) {
      this.#pass('up', pingBytes, say)
      this.#forgetOutage()
      return
    }
    const outage = this.#link.outage(this.#clock.nowMs())
    this.#clock.at(outage?.toMs ?? this.#clock.nowMs(), () => this.#inner?.drop())
  }

  #tell(say: () => void): void {
    if (this.#isOpen && !this.#isStuck) say()
  }

  #closed(say: () => void): void {
    if (this.#isOpen && !this.#isStuck) {
      this.#isOpen = false
      say()
    }
    this.#forgetOutage()
  }

  #pass(direction: Direction, bytes: number, arrive: () => void): void {
    const nowMs = this.#clock.nowMs()
    if (nowMs - this.#lastPassedMs > this.#link.natTimeoutMs) this.#isStuck = true
    if (this.#isStuck) return
    this.#lastPassedMs = nowMs
    this.#clock.at(this.#link.arrivalMs(direction, nowMs, bytes), () => {
      if (!this.#isStuck) arrive()
    })
  }

  #awaitOutage(nowMs: number): void {
    const outage = this.#link.nextOutage(nowMs)
    if (outage === null) return
    this.#forgetOutage = this.#clock.at(outage.fromMs, () => {
      if (!this.#isOpen || this.#isStuck) return
      this.#isStuck = true
      if (outage.isHalfOpen) return
      this.#isOpen = false
      this.#inner?.drop()
      this.#events.closed('lost', 'the link went away')
    })
  }
}
