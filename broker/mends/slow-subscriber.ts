/**
 * What waits for a slow subscriber is bounded, and nobody else waits: first QoS 0 to it is dropped, then it is closed.
 * aedes delivers to all through 100 places; a frozen subscriber takes them all, and the broker stands, then falls.
 */
import type { Counters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { AedesClient } from '../aedes-internals.ts'
import type { Mend } from './mend.ts'

export function boundBacklogs(counters: Counters): Mend {
  function waitForDrain(this: AedesClient, done: (error: Error | null, client: AedesClient) => void): void {
    if (this.conn.writableLength > limits.subscriberBacklogBytesClose && !this.conn.destroyed) {
      counters.subscriberClosed++
      this.conn.destroy(new Error('subscriber reads too slowly'))
    }
    // A full socket must not hold the callback, which would hold the delivery to everybody else.
    setImmediate(done, null, this)
  }
  return {
    options: (options) => ({ ...options, concurrency: 0 }),
    connected(client) {
      const deliver = client.deliver0
      client.deliver0 = (packet, done) => {
        if (client.conn.writableLength <= limits.subscriberBacklogBytesMax) return deliver(packet, done)
        counters.subscriberDropped++
        setImmediate(done)
      }
      client.waitForDrain = waitForDrain
    },
  }
}
