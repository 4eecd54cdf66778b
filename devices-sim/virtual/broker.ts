/**
 * Our broker without sockets, for devices in virtual time: what it puts into the journal is what the real one does for the same story
 * (test/sim/virtual-broker.test.ts holds one against the other). A device that connects, publishes and leaves costs a few calls.
 *
 *     CONNECT ─▶ connect        PUBLISH ─▶ publish, or birth on the status topic        end ─▶ will unless DISCONNECT ─▶ disconnect
 *
 * Its disk takes `syncMs` of virtual time for each answer, however long the machine's own takes. Nobody subscribes here: messages reach
 * the journal and no other client, and no access rules hold.
 */
import { type Counters, count } from '../../telemetry/counters.ts'
import type { NextEpoch } from '../../telemetry/epoch.ts'
import type { RefusalCode } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import { type DisconnectReason, lifeCycle, type Message, MessageKind } from '../../telemetry/message.ts'
import { topicRefusal } from '../../telemetry/topic-rules.ts'
import type { SimClock } from '../sim-clock.ts'
import type { Connection, ConnectionEvents, ConnectOptions, OutgoingPublish, Transport } from '../transport.ts'
import { createSessions } from './sessions.ts'

export type VirtualBrokerOptions = {
  clock: SimClock
  /** Takes the message before it returns, and keeps it. */
  accept: (message: Message) => void
  nextEpoch: NextEpoch
  /** Whether births and wills are published there. */
  isStatus: (topic: string) => boolean
  counters: Counters
}

export type VirtualBroker = Transport & {
  /** Listens; until then nobody does. */
  start(): void
  /** An outage of the server: connections break, and nothing of that is written down, as when the process ends. */
  stop(): void
  connected(): number
}

/** From a packet to its answer: a sync, a write and a read of sockets. */
const syncMs = 5
/** In a PUBLISH, beside topic and payload: the topic's length and the packet identifier [MQTT-3.1.1 §3.3.2]. */
const lengthAndIdBytes = 4

type Link = {
  options: ConnectOptions
  events: ConnectionEvents
  epoch: number
  /** The last packet, which keeps it alive [MQTT-3.1.2-24]. */
  heardAtMs: number
  isOpen: boolean
}

export function createVirtualBroker(options: VirtualBrokerOptions): VirtualBroker {
  const { clock, accept, counters } = options
  const links = new Map<string, Link>()
  const sessions = createSessions(clock)
  /** Of the clients that the outage has ended. */
  const wills = new Map<string, NonNullable<ConnectOptions['will']>>()
  let isListening = false

  const soon = (run: () => void) => clock.at(clock.nowMs() + syncMs, run)
  const answer = (link: Link, run: () => void) => soon(() => link.isOpen && run())

  /** The device hears of it, unless it broke the connection itself. */
  function close(link: Link, why: 'lost' | 'ended', detail: string): void {
    link.isOpen = false
    clock.at(clock.nowMs(), () => link.events.closed(why, detail))
  }

  function publishWill(client: string, epoch: number, will: NonNullable<ConnectOptions['will']>): void {
    const { topic, payload, qos, retain } = will
    const { will: kind } = MessageKind
    accept({ kind, qos, dup: false, retain, packetId: 0, epoch, client, topic, payload: Buffer.from(payload) })
  }

  function over({ options: { clientId, will }, epoch }: Link, reason: DisconnectReason): void {
    if (reason !== 'replaced') links.delete(clientId)
    sessions.left(clientId)
    if (will !== undefined && reason !== 'client') publishWill(clientId, epoch, will)
    accept(lifeCycle(MessageKind.disconnect, clientId, epoch, '', { reason }))
  }

  function admit(link: Link): void {
    const { clientId, clean, keepAliveS, will } = link.options
    if (!isListening) {
      refuse(link, 'nobody listens')
      return
    }
    if (will !== undefined && topicRefusal(will.topic) !== null) {
      count(counters.refused, 'client_id_invalid')
      refuse(link, 'CONNACK 2')
      return
    }
    const earlier = links.get(clientId)
    link.epoch = options.nextEpoch()
    links.set(clientId, link)
    wills.delete(clientId)
    const details = { address: '', keepAliveS, clean, ...(will && { willTopic: will.topic }) }
    accept(lifeCycle(MessageKind.connect, clientId, link.epoch, '', details))
    if (earlier !== undefined) {
      close(earlier, 'lost', 'taken over by another connection')
      over(earlier, 'replaced')
    }
    const isPresent = sessions.came(clientId, clean)
    answer(link, () => {
      link.heardAtMs = clock.nowMs()
      if (keepAliveS > 0) watch(link)
      link.events.connected(isPresent)
    })
  }

  function refuse(link: Link, detail: string): void {
    link.isOpen = false
    link.events.closed('refused', detail)
  }

  /** One entry in the clock for each connection, however much it sends. */
  function watch(link: Link): void {
    clock.at(link.heardAtMs + link.options.keepAliveS * 1500, () => {
      if (!link.isOpen) return
      if (clock.nowMs() < link.heardAtMs + link.options.keepAliveS * 1500) {
        watch(link)
        return
      }
      close(link, 'lost', 'nothing heard for one and a half keep-alive intervals')
      over(link, 'keepalive')
    })
  }

  /** 3.1.1 has no way to say no: without PUBACK and connection the device keeps its reading [MQTT-3.3.5-2]. */
  function breakOff(link: Link, code: RefusalCode): void {
    count(counters.refused, code)
    close(link, 'lost', code)
    over(link, 'closed')
  }

  function publish(link: Link, packet: OutgoingPublish): void {
    const { topic, payload, qos, dup, retain, packetId } = packet
    if (lengthAndIdBytes + Buffer.byteLength(topic) + payload.length > limits.packetBytesMax) {
      // By its length alone, before anybody knows that it is a reading.
      breakOff(link, 'packet_too_large')
      return
    }
    const refusal = topicRefusal(topic)
    if (refusal !== null) {
      counters.received++
      counters.refusedReadings++
      breakOff(link, refusal)
      return
    }
    const kind = options.isStatus(topic) ? MessageKind.birth : MessageKind.publish
    if (kind === MessageKind.publish) counters.received++
    const { epoch } = link
    accept({ kind, qos, dup, retain, packetId, epoch, client: link.options.clientId, topic, payload })
    if (qos === 1) answer(link, () => link.events.acknowledged(packetId))
  }

  return {
    open(connect, events): Connection {
      const link: Link = { options: connect, events, epoch: 0, heardAtMs: 0, isOpen: true }
      clock.at(clock.nowMs(), () => link.isOpen && admit(link))
      /** Packets come in their order, behind the CONNECT. */
      const take = (run: () => void) =>
        clock.at(clock.nowMs(), () => {
          if (!link.isOpen) return
          link.heardAtMs = clock.nowMs()
          run()
        })
      return {
        publish: (packet) => take(() => publish(link, packet)),
        subscribe: () => take(() => {}),
        ping: () => take(() => clock.at(clock.nowMs(), () => link.isOpen && events.ponged())),
        end: () =>
          take(() => {
            close(link, 'ended', '')
            over(link, 'client')
          }),
        drop() {
          if (!link.isOpen) return
          const wasAdmitted = links.get(connect.clientId) === link
          link.isOpen = false
          if (wasAdmitted) clock.at(clock.nowMs(), () => links.get(connect.clientId) === link && over(link, 'closed'))
        },
      }
    },
    start() {
      isListening = true
      accept(lifeCycle(MessageKind.start, '', 0, ''))
      const left = [...wills]
      clock.at(clock.nowMs() + limits.reconnectGraceMs, () => {
        for (const [client, will] of left) {
          // Whoever came back has taken it away.
          if (!isListening || wills.get(client) !== will) continue
          wills.delete(client)
          publishWill(client, 0, will)
        }
      })
    },
    stop() {
      isListening = false
      for (const [clientId, link] of links) {
        if (link.isOpen) close(link, 'lost', 'the server is gone')
        if (link.options.will !== undefined) wills.set(clientId, link.options.will)
        sessions.left(clientId)
      }
      links.clear()
    },
    connected: () => links.size,
    async close() {},
  }
}
