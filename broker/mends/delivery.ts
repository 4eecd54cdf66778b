/**
 * Delivery to live subscriptions: one copy for each client, at the highest QoS that it was granted [MQTT-3.3.5-1], and
 * never higher [MQTT-3.8.4-6]. Takes the place of mqemitter, which knows neither clients nor QoS: with it a
 * subscription to `a/+` of QoS 1 got messages of QoS 2, and overlapping subscriptions a copy each.
 */
import type { AedesClient, RawPacket } from '../aedes-internals.ts'
import { createFilterTrie } from '../filter-trie.ts'
import type { Mend } from './mend.ts'

type Notify = (packet: RawPacket, done: () => void) => void
/** `client`: null for the broker's own. */
type Listener = { notify: Notify; client: AedesClient | null; qos: number }

/** aedes lowers the QoS to that of an equal filter, whatever else matches; told this, it leaves what we found. */
const neverLowers = 3

export function deliverOnce(): Mend {
  const trie = createFilterTrie<Listener>()
  const listeners = new Map<Notify, Listener>()
  const ownerKey = Symbol('client')
  let isClosed = false
  let changes = 0
  let onlookers = 0
  const isOnlooker = ({ client, qos }: Listener) => client !== null && qos === 0

  // aedes sets client.subscriptions[filter] right before it calls mq.on(): the only place that tells whose it is.
  const owned: ProxyHandler<AedesClient['subscriptions'] & { [ownerKey]?: AedesClient }> = {
    set(subscriptions, filter, subscription: { qos: number; func: Notify }) {
      const client = subscriptions[ownerKey] as AedesClient
      listeners.set(subscription.func, { notify: subscription.func, client, qos: subscription.qos })
      subscriptions[filter as string] = { ...subscription, qos: neverLowers }
      return true
    },
  }

  const emitter = {
    on(filter: string, notify: Notify, done?: () => void) {
      const listener = listeners.get(notify) ?? { notify, client: null, qos: 2 }
      listeners.set(notify, listener)
      trie.add(filter, listener)
      changes++
      if (isOnlooker(listener)) onlookers++
      if (done !== undefined) setImmediate(done)
    },
    removeListener(filter: string, notify: Notify, done?: () => void) {
      const listener = listeners.get(notify)
      listeners.delete(notify)
      if (listener !== undefined) {
        trie.remove(filter, listener)
        changes++
        if (isOnlooker(listener)) onlookers--
      }
      if (done !== undefined) setImmediate(done)
    },
    emit(packet: RawPacket, done: (error?: Error) => void) {
      if (isClosed) return done(new Error('the broker is closed'))
      const chosen = oneForEachClient(trie.match(packet.topic))
      let waiting = chosen.length
      if (waiting === 0) return done()
      const oneDone = () => {
        if (--waiting === 0) done()
      }
      for (const { notify, qos } of chosen) notify(qos < packet.qos ? { ...packet, qos } : packet, oneDone)
    },
    hasListener: (topic: string) => trie.match(topic).length > 0,
    hasMoreThanOnlookers: (topic: string) => !trie.match(topic).every(isOnlooker),
    onlookers: (topic: string) => [
      ...new Set(trie.match(topic).flatMap((it) => (it.client !== null && it.qos === 0 ? [it.client] : []))),
    ],
    hasOnlookers: () => onlookers > 0,
    changes: () => changes,
    close(done: () => void) {
      isClosed = true
      setImmediate(done)
    },
  }

  return {
    options: (options) => ({ ...options, mq: emitter }),
    listening(aedes) {
      // DUP speaks of the way from the publisher to us, not of the way on [MQTT-3.3.1-3].
      const publish = aedes.publish
      aedes.publish = function (this: typeof aedes, packet: { dup?: boolean }, client: unknown, done?: unknown) {
        if (packet.dup) packet.dup = false
        return (publish as (...all: unknown[]) => void).call(this, packet, client, done)
      }
    },
    connected(client) {
      client.subscriptions = new Proxy(Object.assign(Object.create(null), { [ownerKey]: client }), owned)
    },
  }
}

function oneForEachClient(matching: Listener[]): Listener[] {
  if (matching.length < 2) return matching
  const best = new Map<AedesClient | Listener, Listener>()
  for (const listener of matching) {
    const key = listener.client ?? listener
    const other = best.get(key)
    if (other === undefined || other.qos < listener.qos) best.set(key, listener)
  }
  return [...best.values()]
}
