/**
 * What ingest knows of devices: sequences, counters, clocks, open rows of the ledger, memory of codecs. It follows from
 * the journal alone; saved now and then together with the position it stands for (saved-state.ts), it is the same again
 * after a restart.
 */
import type { Counters } from '../telemetry/counters.ts'
import { type DeviceName, deviceKey } from '../telemetry/device.ts'
import { limits } from '../telemetry/limits.ts'
import type { CodecMemory } from '../telemetry/reading.ts'
import type { BootClock } from './boot-clock.ts'
import type { CounterState } from './counter.ts'
import type { LedgerRow } from './ledger.ts'
import type { BootCount } from './sequence.ts'

export type KnownDevice = DeviceName & {
  /** By stream: the topic, or '' where one count spans all topics of the device. */
  counts: Map<string, BootCount[]>
  /** By series. */
  counters: Map<string, CounterState>
  /** Of the latest boots. */
  clocks: BootClock[]
  rows: LedgerRow[]
}

export type SavedState = {
  devices: Array<
    DeviceName & {
      counts: Array<[string, BootCount[]]>
      counters: Array<[string, CounterState]>
      clocks: BootClock[]
      rows: LedgerRow[]
    }
  >
  memory: Array<[string, unknown]>
}

export type State = {
  /** The device, new if it must be. */
  device(name: DeviceName): KnownDevice
  devices(): Iterable<KnownDevice>
  memory: CodecMemory
  /** The same memory, deaf to set(): for a look at messages that came before what is known now. */
  memoryOfThePast: CodecMemory
  save(): SavedState
}

export function createState(saved: SavedState | null, counters: Counters): State {
  const devices = new Map<string, KnownDevice>()
  const memory = new Map(saved?.memory)
  for (const { site, device, ...known } of saved?.devices ?? []) {
    const { clocks, rows } = known
    const [counts, raw] = [new Map(known.counts), new Map(known.counters)]
    devices.set(deviceKey({ site, device }), { site, device, counts, counters: raw, clocks, rows })
  }

  return {
    device(name) {
      const key = deviceKey(name)
      let device = devices.get(key)
      if (device !== undefined) return device
      const { site, device: own } = name
      device = { site, device: own, counts: new Map(), counters: new Map(), clocks: [], rows: [] }
      if (devices.size < limits.devicesRememberedMax) devices.set(key, device)
      else counters.devicesNotRemembered++
      return device
    },
    devices: () => devices.values(),
    memory: { get: (key) => memory.get(key), set: (key, value) => memory.set(key, value) },
    memoryOfThePast: { get: (key) => memory.get(key), set: () => {} },
    save: () => ({
      devices: [...devices.values()].map(({ site, device, counts, counters, clocks, rows }) => ({
        site,
        device,
        counts: [...counts].map(([stream, boots]) => [stream, boots.map(({ recent: _, ...count }) => count)]),
        counters: [...counters],
        clocks,
        rows,
      })),
      memory: [...memory],
    }),
  }
}
