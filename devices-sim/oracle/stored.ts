/** What a store holds, as the oracle asks for it. */
import type { DeviceName } from '../../telemetry/device.ts'
import { timeMsMax } from '../../telemetry/point.ts'
import type { ReadingStore } from '../../telemetry/query.ts'
import type { Value } from '../../telemetry/reading.ts'

/** Milliseconds since 1970, with fractions where the store has them. */
export type StoredRow = { timeMs: number; value: Value }

export type Stored = {
  /** Of the device, what it measured: no fields that say something of others. */
  channels(name: DeviceName): Promise<string[]>
  /** In pieces, in any order. */
  rows(name: DeviceName, channel: string): AsyncIterable<StoredRow[]>
  /** How many of the device's messages stand in the quarantine; absent: nobody asked. */
  quarantined?(name: DeviceName): Promise<number>
}

/** Straight from a store of this process. */
export const storedIn = (store: Pick<ReadingStore, 'channels' | 'scan'>): Stored => ({
  channels: ({ site, device }) => store.channels(device, site),
  async *rows({ site, device }, channel) {
    for await (const points of store.scan({ site, device, channel, fromMs: 0, toMs: timeMsMax }))
      yield points.map(({ timeNs, value }): StoredRow => ({ timeMs: Number(timeNs) / 1e6, value }))
  },
})
