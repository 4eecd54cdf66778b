/**
 * The topics below `$SYS/broker` that dashboards and exporters made for mosquitto read, by its names and in its units, each
 * when it has changed. They are retained in memory alone: whoever subscribes gets all of them at once, and neither the
 * journal nor the log of sessions knows of them. Who may read them: access/rights.ts.
 */
import type { Counters } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import type { AedesBroker } from './aedes-internals.ts'
import { createLoads } from './loads.ts'
import type { State } from './sessions/state.ts'

export type SystemTopicsOptions = {
  aedes: AedesBroker
  state: State
  /** Takes a retained message into memory. */
  retain: (packet: SystemPacket) => Promise<void>
  /** To clients that have subscribed. */
  publish: (packet: SystemPacket) => Promise<void>
  version: string
  counters: Counters
}

export type SystemPacket = { cmd: 'publish'; topic: string; payload: Buffer; qos: 0; retain: boolean }

export type SystemTopics = { stop(): void }

export function startSystemTopics(options: SystemTopicsOptions): SystemTopics {
  const { aedes, state, counters } = options
  const { mqtt } = counters
  const startedAtMs = performance.now()
  const last = new Map<string, string>()
  let connects = 0
  let connectedMax = 0
  let heapMax = 0
  aedes.on('client', () => {
    connects++
    connectedMax = Math.max(connectedMax, aedes.connectedClients)
  })

  const dropped = () =>
    Object.values(counters.sessionLost).reduce((sum, count) => sum + count, counters.subscriberDropped)
  /** By the name of their topics. */
  const loads = createLoads({
    'messages/received': () => mqtt.received.packets,
    'messages/sent': () => mqtt.sent.packets,
    'publish/dropped': dropped,
    'publish/received': () => mqtt.received.publishes,
    'publish/sent': () => mqtt.sent.publishes,
    'bytes/received': () => mqtt.received.bytes,
    'bytes/sent': () => mqtt.sent.bytes,
    sockets: () => counters.connectionsTotal,
    connections: () => connects,
  })

  function figures(): { [name: string]: string | number } {
    const connected = aedes.connectedClients
    const away = sessionsAway(state)
    const { heapUsed, external } = process.memoryUsage()
    heapMax = Math.max(heapMax, heapUsed + external)
    const stored = state.retained.size + state.queuedCount()
    return {
      version: `dewpoint version ${options.version}`,
      uptime: `${Math.floor((performance.now() - startedAtMs) / 1000)} seconds`,
      'clients/total': connected + away.sessions,
      'clients/connected': connected,
      'clients/active': connected,
      'clients/disconnected': away.sessions,
      'clients/inactive': away.sessions,
      'clients/expired': counters.sessionsExpired,
      'clients/maximum': connectedMax,
      'messages/received': mqtt.received.packets,
      'messages/sent': mqtt.sent.packets,
      'messages/stored': stored,
      'store/messages/count': stored,
      'store/messages/bytes': state.retainedBytes() + state.queuedBytes(),
      'retained messages/count': state.retained.size,
      'subscriptions/count': counters.subscriptionsLive + away.subscriptions,
      // There are none; what is read from it is a number all the same.
      'shared_subscriptions/count': 0,
      'publish/messages/received': mqtt.received.publishes,
      'publish/messages/sent': mqtt.sent.publishes,
      'publish/messages/dropped': dropped(),
      'publish/bytes/received': mqtt.received.publishBytes,
      'publish/bytes/sent': mqtt.sent.publishBytes,
      'bytes/received': mqtt.received.bytes,
      'bytes/sent': mqtt.sent.bytes,
      'heap/current': heapUsed + external,
      'heap/maximum': heapMax,
      ...loads((performance.now() - startedAtMs) / 1000),
    }
  }

  async function tell(): Promise<void> {
    for (const [name, figure] of Object.entries(figures())) {
      const text = String(figure)
      if (last.get(name) === text) continue
      last.set(name, text)
      const packet = { cmd: 'publish', topic: `$SYS/broker/${name}`, payload: Buffer.from(text), qos: 0 } as const
      await options.retain({ ...packet, retain: true })
      // [MQTT-3.3.1-9]: what comes to those who are subscribed already is new, not retained.
      await options.publish({ ...packet, retain: false })
    }
  }

  // A broker that is closing takes nothing more, and nobody is there to read it.
  const tellAgain = () => void tell().catch(() => {})
  tellAgain()
  const timer = setInterval(tellAgain, limits.sysIntervalMs)
  return { stop: () => clearInterval(timer) }
}

function sessionsAway({ sessions }: State): { sessions: number; subscriptions: number } {
  const away = { sessions: 0, subscriptions: 0 }
  for (const { leftAtMs, filters } of sessions.values()) {
    if (leftAtMs === null) continue
    away.sessions++
    away.subscriptions += filters.size
  }
  return away
}
