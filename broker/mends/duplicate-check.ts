/**
 * aedes drops what its counters call out of order, but handles packets concurrently: real messages were lost. That a
 * client gets one copy where several of its subscriptions match is kept by delivery.ts.
 */
import type { Mend } from './mend.ts'

const neverDuplicate = new Proxy({}, { get: () => 0, set: () => true })

export const skipDuplicateCheck = (): Mend => ({
  connected(client) {
    client.duplicates = neverDuplicate
  },
})
