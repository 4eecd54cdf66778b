/** Retained messages are found by level; aedes' memory looks at each of them for each filter of a SUBSCRIBE. */
import { Readable } from 'node:stream'
import type { AedesPersistence, RawPacket } from '../aedes-internals.ts'
import { createRetainedIndex } from '../retained-index.ts'

/** Retained messages live here from now on; those that `persistence` holds already are not looked for. */
export function indexRetained(persistence: AedesPersistence): void {
  const retained = createRetainedIndex<RawPacket>()
  persistence.storeRetained = async (packet) => {
    if (packet.payload.length === 0) retained.delete(packet.topic)
    else retained.set(packet.topic, { ...(packet as RawPacket) })
  }
  persistence.matchRetained = retained.match
  persistence.createRetainedStream = (filter) => Readable.from(retained.match(filter))
  persistence.createRetainedStreamCombi = (filters) =>
    Readable.from(
      (function* () {
        for (const filter of filters) yield* retained.match(filter)
      })(),
    )
}
