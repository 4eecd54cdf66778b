/** For tests: a broker of a few lines on the clock, which does what the test tells it and writes down what it was sent. */
import type { SimClock } from '../sim-clock.ts'
import type { ConnectionEvents, ConnectOptions, OutgoingPublish, Transport } from '../transport.ts'

export type FakeConnection = {
  options: ConnectOptions
  events: ConnectionEvents
  openedAtMs: number
  published: Array<OutgoingPublish & { atMs: number }>
  subscribed: string[]
  pings: number
  /** DISCONNECT was sent; it was broken without a word. */
  isEnded: boolean
  isDropped: boolean
}

export type FakeTransport = Transport & {
  connections: FakeConnection[]
  last(): FakeConnection
  /** Of all connections, but births and wills. */
  reports(): Array<OutgoingPublish & { atMs: number }>
  /** What the broker does next time; it may be changed at any time. */
  behaviour: {
    connect: 'accept' | 'refuse' | 'silence'
    isSessionPresent: boolean
    acknowledges(packet: OutgoingPublish): boolean
    pongs: boolean
    delayMs: number
  }
  /** The broker breaks the last connection. */
  lose(): void
}

export function createFakeTransport(clock: SimClock): FakeTransport {
  const connections: FakeConnection[] = []
  const behaviour: FakeTransport['behaviour'] = {
    connect: 'accept',
    isSessionPresent: false,
    acknowledges: () => true,
    pongs: true,
    delayMs: 50,
  }
  const isGone = (it: FakeConnection) => it.isEnded || it.isDropped
  const answer = (it: FakeConnection, say: () => void) => {
    clock.at(clock.nowMs() + behaviour.delayMs, () => isGone(it) || say())
  }

  return {
    connections,
    behaviour,
    last: () => connections.at(-1) as FakeConnection,
    reports: () => connections.flatMap(({ published }) => published.filter(({ topic }) => !topic.endsWith('/status'))),
    lose() {
      const it = connections.at(-1) as FakeConnection
      if (isGone(it)) return
      it.isDropped = true
      it.events.closed('lost', 'the test broke it')
    },
    open(options, events) {
      const it: FakeConnection = {
        options,
        events,
        openedAtMs: clock.nowMs(),
        published: [],
        subscribed: [],
        pings: 0,
        isEnded: false,
        isDropped: false,
      }
      connections.push(it)
      const { connect, isSessionPresent } = behaviour
      if (connect === 'accept') answer(it, () => events.connected(isSessionPresent))
      else if (connect === 'refuse') {
        answer(it, () => {
          it.isDropped = true
          events.closed('refused', 'the test refuses')
        })
      }
      return {
        publish(packet) {
          if (isGone(it)) return
          it.published.push({ ...packet, atMs: clock.nowMs() })
          if (packet.qos === 1 && behaviour.acknowledges(packet)) {
            answer(it, () => events.acknowledged(packet.packetId))
          }
        },
        subscribe(filter) {
          it.subscribed.push(filter)
        },
        ping() {
          it.pings++
          if (behaviour.pongs) answer(it, () => events.ponged())
        },
        end() {
          it.isEnded = true
        },
        drop() {
          it.isDropped = true
        },
      }
    },
    close: () => Promise.resolve(),
  }
}
