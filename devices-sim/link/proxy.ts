/**
 * A TCP proxy before any broker: what passes is late, waits in a queue, and now and then nothing passes at all. Each connection
 * has a link of its own, so that devices do not lose their network at once; cut() and freeze() do that.
 */
import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import type { LinkProfile } from '../profile.ts'
import { createRandom, memberSeed } from '../random.ts'
import { createRealClock, type SimClock } from '../sim-clock.ts'
import { createLink, type Direction, type Link } from './link.ts'

export type ProxyOptions = {
  target: { host: string; port: number }
  /** `port` 0: any that is free. */
  listen: { host: string; port: number }
  profile: LinkProfile
  seed: number
  clock?: SimClock
}

export type LinkProxy = {
  readonly port: number
  /** Breaks every connection, and refuses new ones until heal(). */
  cut(): void
  /** Nothing passes and nobody is told, until heal(). */
  freeze(): void
  heal(): void
  stats(): { connections: number; opened: number; bytesUp: number; bytesDown: number; outages: number }
  close(): Promise<void>
}

/** On their way in one direction of one connection; more are not read. */
const delayedBytesMax = 256 * 1024

export async function startProxy(options: ProxyOptions): Promise<LinkProxy> {
  const { target, listen, profile, seed, clock = createRealClock() } = options
  const pairs = new Set<Pair>()
  const counts = { opened: 0, bytesUp: 0, bytesDown: 0, outages: 0 }
  let mode: 'open' | 'cut' | 'frozen' = 'open'

  const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (device) => {
    if (mode === 'cut') {
      device.destroy()
      return
    }
    const link = createLink(profile, createRandom(memberSeed(seed, counts.opened)), clock.nowMs())
    counts.opened++
    const broker = createConnection({ ...target, noDelay: true, allowHalfOpen: true })
    const pair = new Pair(device, broker, link, clock, counts, () => pairs.delete(pair))
    pairs.add(pair)
    if (mode === 'frozen') pair.freeze()
  })
  server.listen(listen.port, listen.host)
  await once(server, 'listening')

  return {
    port: (server.address() as { port: number }).port,
    cut() {
      mode = 'cut'
      for (const pair of [...pairs]) pair.destroy()
    },
    freeze() {
      mode = 'frozen'
      for (const pair of pairs) pair.freeze()
    },
    heal() {
      mode = 'open'
      for (const pair of pairs) pair.thaw()
    },
    stats: () => ({ ...counts, connections: pairs.size }),
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const pair of [...pairs]) pair.destroy()
      await closed
    },
  }
}

type Counts = { bytesUp: number; bytesDown: number; outages: number }

/** One connection of a device, and ours to the broker for it. */
class Pair {
  readonly #device: Socket
  readonly #broker: Socket
  readonly #link: Link
  readonly #clock: SimClock
  readonly #counts: Counts
  readonly #onGone: () => void
  readonly #delayed = { up: 0, down: 0 }
  #held: Array<() => void> = []
  #isFrozen = false
  /** A NAT has forgotten it. */
  #isForgotten = false
  #lastPassedMs: number
  #forgetOutage = () => {}

  constructor(device: Socket, broker: Socket, link: Link, clock: SimClock, counts: Counts, onGone: () => void) {
    this.#device = device
    this.#broker = broker
    this.#link = link
    this.#clock = clock
    this.#counts = counts
    this.#onGone = onGone
    this.#lastPassedMs = clock.nowMs()
    this.#pump('up', device, broker)
    this.#pump('down', broker, device)
    for (const socket of [device, broker]) socket.on('error', () => {}).once('close', () => this.#ended(socket))
    this.#awaitOutage()
  }

  freeze(): void {
    this.#isFrozen = true
  }

  thaw(): void {
    this.#isFrozen = false
    for (const arrive of this.#held.splice(0)) arrive()
  }

  destroy(): void {
    this.#device.destroy()
    this.#broker.destroy()
  }

  #pump(direction: Direction, from: Socket, to: Socket): void {
    const counted = direction === 'up' ? 'bytesUp' : 'bytesDown'
    from.on('data', (bytes) => {
      const nowMs = this.#clock.nowMs()
      if (nowMs - this.#lastPassedMs > this.#link.natTimeoutMs) this.#isForgotten = true
      if (this.#isForgotten) return
      this.#lastPassedMs = nowMs
      this.#delayed[direction] += bytes.length
      if (this.#delayed[direction] > delayedBytesMax) from.pause()
      this.#arriveLate(direction, bytes.length, () => {
        this.#delayed[direction] -= bytes.length
        this.#counts[counted] += bytes.length
        const isTaken = to.write(bytes)
        if (isTaken) from.resume()
        else to.once('drain', () => from.resume())
      })
    })
    from.once('end', () => this.#arriveLate(direction, 0, () => to.end()))
  }

  #arriveLate(direction: Direction, bytes: number, arrive: () => void): void {
    const nowMs = this.#clock.nowMs()
    this.#clock.at(this.#link.arrivalMs(direction, nowMs, bytes), () => {
      if (this.#isFrozen) this.#held.push(arrive)
      else arrive()
    })
  }

  /** A half-open connection stays so: when the link is back, what was under way arrives. */
  #awaitOutage(): void {
    const outage = this.#link.nextOutage(this.#clock.nowMs())
    if (outage === null) return
    this.#forgetOutage = this.#clock.at(outage.fromMs, () => {
      this.#counts.outages++
      if (!outage.isHalfOpen) return this.destroy()
      this.freeze()
      this.#forgetOutage = this.#clock.at(outage.toMs, () => {
        this.thaw()
        this.#awaitOutage()
      })
    })
  }

  #ended(socket: Socket): void {
    this.#forgetOutage()
    // What the other end wrote last may still be on its way.
    const other = socket === this.#device ? this.#broker : this.#device
    if (!other.writableEnded && !other.destroyed)
      this.#arriveLate(socket === this.#device ? 'up' : 'down', 0, () => other.destroy())
    this.#onGone()
  }
}
