/** Few MQTT connections that carry very many devices, as gateways do; each device believes that it has one of its own. */
import type { Connection, ConnectionEvents, ConnectOptions, OutgoingPublish, Transport } from '../transport.ts'

const packetIdMax = 65_535
const keepAliveS = 60
const retryMs = 1_000

export function createSharedTransport(own: Transport, connections: number): Transport {
  const gateways = Array.from(
    { length: connections },
    (_, i) => new Gateway(own, `sim-gateway-${process.pid}-${i + 1}`),
  )
  let next = 0
  return {
    open(_options: ConnectOptions, events: ConnectionEvents) {
      const gateway = gateways[next++ % gateways.length] as Gateway
      return gateway.carry(events)
    },
    async close() {
      for (const gateway of gateways) gateway.end()
      await own.close()
    },
  }
}

/** A device on a gateway. */
type Carried = { events: ConnectionEvents; isOpen: boolean }
type Pending = { from: Carried; packet: OutgoingPublish }

class Gateway {
  readonly #own: Transport
  readonly #clientId: string
  #connection: Connection | null = null
  #isUp = false
  #isEnding = false
  readonly #carried = new Set<Carried>()
  /** By the gateway's packet identifier: whose publish it is. */
  readonly #unacknowledged = new Map<number, Pending>()
  /** Publishes that wait for a free identifier. */
  #waiting: Pending[] = []
  #packetId = 0
  #ping: NodeJS.Timeout | null = null

  constructor(own: Transport, clientId: string) {
    this.#own = own
    this.#clientId = clientId
  }

  carry(events: ConnectionEvents): Connection {
    const carried: Carried = { events, isOpen: true }
    this.#carried.add(carried)
    if (this.#isUp) queueMicrotask(() => carried.isOpen && events.connected(false))
    else this.#connect()
    const leave = () => {
      carried.isOpen = false
      this.#carried.delete(carried)
    }
    return {
      publish: (packet) => carried.isOpen && this.#publish({ from: carried, packet }),
      // Commands go to the gateway, and it has none to hand on.
      subscribe: () => {},
      // The gateway is there, or it is not.
      ping: () => queueMicrotask(() => carried.isOpen && events.ponged()),
      end() {
        leave()
        queueMicrotask(() => events.closed('ended', 'left'))
      },
      drop: leave,
    }
  }

  end(): void {
    this.#isEnding = true
    if (this.#ping !== null) clearInterval(this.#ping)
    this.#connection?.end()
  }

  #connect(): void {
    if (this.#connection !== null || this.#isEnding) return
    const options = { clientId: this.#clientId, keepAliveS, clean: true }
    this.#connection = this.#own.open(options, {
      connected: () => this.#connected(),
      acknowledged: (packetId) => this.#acknowledged(packetId),
      message: () => {},
      ponged: () => {},
      closed: (why, detail) => this.#closed(why === 'ended' ? 'lost' : why, detail),
    })
  }

  #connected(): void {
    this.#isUp = true
    this.#ping = setInterval(() => this.#connection?.ping(), (keepAliveS * 1000) / 2)
    for (const { events } of [...this.#carried]) events.connected(false)
  }

  #closed(why: 'refused' | 'lost', detail: string): void {
    if (this.#ping !== null) clearInterval(this.#ping)
    this.#connection = null
    this.#isUp = false
    this.#unacknowledged.clear()
    this.#waiting = []
    const all = [...this.#carried]
    this.#carried.clear()
    for (const carried of all) {
      if (!carried.isOpen) continue
      carried.isOpen = false
      carried.events.closed(why, detail)
    }
    // Whoever comes meanwhile finds it on its way.
    if (!this.#isEnding) setTimeout(() => this.#carried.size > 0 && this.#connect(), retryMs).unref()
  }

  #publish(pending: Pending): void {
    const { packet } = pending
    if (packet.qos === 0) this.#connection?.publish(packet)
    else if (this.#unacknowledged.size >= packetIdMax) this.#waiting.push(pending)
    else {
      do this.#packetId = (this.#packetId % packetIdMax) + 1
      while (this.#unacknowledged.has(this.#packetId))
      this.#unacknowledged.set(this.#packetId, pending)
      this.#connection?.publish({ ...packet, packetId: this.#packetId })
    }
  }

  #acknowledged(packetId: number): void {
    const pending = this.#unacknowledged.get(packetId)
    if (pending === undefined) return
    this.#unacknowledged.delete(packetId)
    if (pending.from.isOpen) pending.from.events.acknowledged(pending.packet.packetId)
    const next = this.#waiting.shift()
    if (next !== undefined) this.#publish(next)
  }
}
