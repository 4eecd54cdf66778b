/**
 * Session present in the CONNACK [MQTT-3.2.2-2], [MQTT-3.2.2-3]. aedes says 1 only where there are subscriptions; a
 * session that holds nothing but a half-done QoS 2 message, or nothing yet, is one as well.
 */
import { limits } from '../../telemetry/limits.ts'
import type { Mend } from './mend.ts'

/** Stands for "there is a session" where aedes looks for subscriptions; it is never granted, so it matches nothing. */
const nothing = { topic: '$session', qos: 0 as const }

/** `hasSession`: whether anything is kept for the client, from before the start, too. */
export function tellSessionPresent(hasSession: (clientId: string) => boolean): Mend {
  const sessions = new Set<string>()
  return {
    options(options) {
      const authorize = options.authorizeSubscribe ?? ((_client, subscription, done) => done(null, subscription))
      return {
        ...options,
        authorizeSubscribe: (client, subscription, done) =>
          subscription === nothing ? done(null, null) : authorize(client, subscription, done),
      }
    },
    listening({ persistence }) {
      const find = persistence.subscriptionsByClient.bind(persistence)
      // Asked for in a CONNECT without clean session, and only there.
      persistence.subscriptionsByClient = async (client) => {
        const found = await find(client)
        const isKnown = sessions.delete(client.id) || hasSession(client.id)
        sessions.add(client.id)
        if (sessions.size > limits.sessionsRememberedMax) sessions.delete(sessions.values().next().value as string)
        return found.length === 0 && isKnown ? [nothing] : found
      }
      const clean = persistence.cleanSubscriptions.bind(persistence)
      persistence.cleanSubscriptions = (client) => {
        sessions.delete(client.id)
        return clean(client)
      }
    },
  }
}
