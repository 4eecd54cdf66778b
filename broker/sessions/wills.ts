/**
 * Wills on disk, a moment behind the CONNECT. Those of clients that died with the broker, or with a worker, are published after a grace, unless the
 * client is back by then [MQTT-3.1.2-8].
 */

import { Readable } from 'node:stream'
import type { Client } from 'aedes'
import type { Logger } from 'pino'
import { internals } from '../aedes-internals.ts'
import { isLost } from '../workers/relay-stream.ts'
import type { Persistence } from './persistence.ts'
import type { Will } from './state.ts'
import type { SessionStore } from './store.ts'

export type PublishWill = (client: string, will: Will) => Promise<void>

export type Wills = Pick<Persistence, 'putWill' | 'delWill' | 'streamWill'> & {
  /** From here on connections end because we do: their wills are for the next start. */
  stop(): void
}

/** `ownerOf`: what is to be known of the will's client when it is published after a restart, as plain data. */
export function createWills(
  store: SessionStore,
  graceMs: number,
  publish: PublishWill,
  ownerOf: (client: Client) => unknown,
  log: Logger,
): Wills {
  const { wills } = store.state
  /** Whose will it is; nobody's when it is from before the start. */
  const owners = new Map<string, Client>()
  let isStopped = false
  const timers = new Set<NodeJS.Timeout>()
  publishLater([...wills])

  function publishLater(left: Array<[client: string, will: Will]>): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      void publishLeft(left)
    }, graceMs)
    timers.add(timer)
  }
  async function publishLeft(left: Array<[client: string, will: Will]>): Promise<void> {
    for (const [client, will] of left) {
      if (isStopped) return
      // Whoever came back has taken it away, or has brought another one.
      if (wills.get(client) !== will) continue
      await publish(client, will).then(
        () => store.note(['unwilled', client]),
        (error) =>
          log.warn({ err: error, client }, 'the will of a client that did not come back could not be published'),
      )
    }
  }

  return {
    async putWill(client, { topic, payload, qos, retain }) {
      owners.set(client.id, client)
      // Nothing of a CONNECT waits here: of two connections of one client the later one must be the later one at each step.
      store.note(['willed', client.id, topic, Buffer.from(payload as Buffer), qos, retain, ownerOf(client)])
    },
    async delWill(client) {
      const owner = owners.get(client.id)
      const isConnecting = 'conn' in client
      // aedes deletes by name, when the old connection has ended: by then it is the will of the new one.
      const isOfAnother = !isConnecting && owner !== undefined && !internals(owner).closed
      if (isStopped || isOfAnother) return
      owners.delete(client.id)
      const will = wills.get(client.id)
      if (!isConnecting && owner !== undefined && isLost(owner)) {
        if (will !== undefined) publishLater([[client.id, will]])
        return
      }
      if (will !== undefined) store.note(['unwilled', client.id])
    },
    // aedes would publish wills of other brokers that it has not heard of for minutes; there are none.
    streamWill: () => Readable.from([]),
    stop() {
      isStopped = true
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
