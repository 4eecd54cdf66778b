/**
 * No more subscriptions than the limits; who may subscribe to what is the hook's answer. What was not granted gets 128 in
 * the SUBACK [MQTT-3.9.3-1] and is not stored: aedes stores a SUBSCRIBE as a whole, so that after a reconnect the client
 * received what it had been denied.
 */
import type { Client, Subscription } from 'aedes'
import { type Counters, count } from '../../telemetry/counters.ts'
import type { RefusalCode } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Mend } from './mend.ts'

export function guardSubscriptions(counters: Counters): Mend {
  /** What aedes asks about and what was granted; the objects of a packet are the same when it stores them. */
  const granted = new WeakMap<Subscription, Subscription>()
  const filtersOf = new WeakMap<Client, Set<string>>()
  let dropStored = (_client: Client, _filter: string): void => {}

  function held(client: Client): Set<string> {
    const known = filtersOf.get(client)
    if (known !== undefined) return known
    const filters = new Set<string>()
    filtersOf.set(client, filters)
    client.conn.once('close', () => {
      counters.subscriptionsLive -= filters.size
      filters.clear()
    })
    return filters
  }
  function refusal(client: Client, filter: string): RefusalCode | null {
    if (filter.split('/').length > limits.filterLevelsMax) return 'filter_invalid'
    const filters = held(client)
    if (filters.has(filter)) return null
    const isFull =
      filters.size >= limits.subscriptionsPerClientMax || counters.subscriptionsLive >= limits.subscriptionsMax
    return isFull ? 'too_many_subscriptions' : null
  }

  return {
    options(options) {
      const authorize = options.authorizeSubscribe ?? ((_client, subscription, done) => done(null, subscription))
      return {
        ...options,
        authorizeSubscribe(client, subscription, done) {
          const code = refusal(client, subscription.topic)
          if (code !== null) {
            count(counters.refused, code)
            dropStored(client, subscription.topic)
            return done(null, null)
          }
          authorize(client, subscription, (error, given) => {
            if (!error && given) {
              granted.set(subscription, given)
              const filters = held(client)
              if (!filters.has(given.topic)) counters.subscriptionsLive++
              filters.add(given.topic)
            } else dropStored(client, subscription.topic)
            done(error, given ?? null)
          })
        },
      }
    },
    listening(aedes) {
      const { persistence } = aedes
      const add = persistence.addSubscriptions.bind(persistence)
      // aedes calls it once for each granted filter, with all of the packet.
      persistence.addSubscriptions = (client, all) => {
        const subscriptionsToStore: Subscription[] = []
        for (const subscription of all) {
          const given = granted.get(subscription)
          if (given !== undefined) subscriptionsToStore.push(given)
          granted.delete(subscription)
        }
        return subscriptionsToStore.length > 0 ? add(client, subscriptionsToStore) : Promise.resolve()
      }
      dropStored = (client, filter) => {
        if (!client.clean)
          persistence.removeSubscriptions(client, [filter]).catch((error) => aedes.emit('error', error))
      }
      aedes.on('unsubscribe', (filters, client) => {
        const known = filtersOf.get(client)
        for (const filter of filters) if (known?.delete(filter)) counters.subscriptionsLive--
      })
    },
  }
}
