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
import type { LedgerCounts } from './ledger.ts'
import type { BootCount } from './sequence.ts'

export type KnownDevice = DeviceName & {
  /** By stream: the topic, or '' where one count spans all topics of the device. */
  counts: Map<string, BootCount[]>
  /** By series. */
  counters: Map<string, CounterState>
  /** Of the latest boots. */
  clocks: BootClock[]
  /** By hour since 1970. */
  rows: Map<number, LedgerCounts>
}

export type SavedState = {
  devices: Array<
    DeviceName & {
      counts: Array<[string, BootCount[]]>
      counters: Array<[string, CounterState]>
      clocks: BootClock[]
      rows: Array<[number, LedgerCounts]>
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

/** Of the others nothing is known but that their topic was used. */
const isKnown = ({ counts, counters, clocks, rows }: KnownDevice) =>
  counts.size + counters.size + clocks.length + rows.size > 0

export function createState(saved: SavedState | null, counters: Counters): State {
  const devices = new Map<string, KnownDevice>()
  const memory = new Map(saved?.memory)
  for (const { site, device, ...known } of saved?.devices ?? []) {
    const [counts, raw, rows] = [new Map(known.counts), new Map(known.counters), new Map(known.rows)]
    devices.set(deviceKey({ site, device }), { site, device, counts, counters: raw, clocks: known.clocks, rows })
  }

  return {
    device(name) {
      const key = deviceKey(name)
      let device = devices.get(key)
      if (device !== undefined) return device
      const { site, device: own } = name
      device = { site, device: own, counts: new Map(), counters: new Map(), clocks: [], rows: new Map() }
      if (devices.size < limits.devicesRememberedMax) devices.set(key, device)
      else counters.devicesNotRemembered++
      return device
    },
    devices: () => devices.values(),
    memory: {
      get: (key) => memory.get(key),
      set(key, value) {
        if (memory.has(key) || memory.size < limits.codecMemoryKeysMax) memory.set(key, value)
        else counters.codecMemoryRefused++
      },
    },
    memoryOfThePast: { get: (key) => memory.get(key), set: () => {} },
    save: () => ({
      devices: [...devices.values()].filter(isKnown).map(({ site, device, counts, counters, clocks, rows }) => ({
        site,
        device,
        counts: [...counts].map(([stream, boots]) => [stream, boots.map(({ recent: _, ...count }) => count)]),
        counters: [...counters],
        clocks,
        rows: [...rows],
      })),
      memory: [...memory],
    }),
  }
}
