/** For tests: one device on the virtual clock, with a sensor that counts, a broker that obeys, and its truth as a list. */
import type { Value } from '../../telemetry/reading.ts'
import { mainsMeter } from '../energy/mains.ts'
import type { Meter } from '../energy/meter.ts'
import { perfectLink } from '../link/link.ts'
import type { Profile } from '../profile.ts'
import { createRandom } from '../random.ts'
import { profileDefaults } from '../scenario/defaults.ts'
import type { Quantity, Sensor } from '../sensor.ts'
import { createVirtualClock, type VirtualClock } from '../sim-clock.ts'
import type { TruthEvent } from '../truth/truth.ts'
import { createDevice, type Device } from './device.ts'
import { createFakeTransport, type FakeTransport } from './fake-transport.ts'
import { createWire, type Wire } from './format.ts'

export const startMs = Date.UTC(2026, 0, 1)

export const testProfile: Profile = {
  ...profileDefaults,
  name: 'test',
  site: 'home',
  prefix: 'd',
  format: 'json',
  tellsStatus: false,
  flashReports: 100,
  window: 5,
  acknowledgeTimeoutS: 20,
  radio: 'mains',
  cell: 'mains',
  boardUa: 0,
  link: perfectLink,
}

export const voltage: Quantity = { channel: 'voltage', unit: 'V', resolution: 0.001, kind: 'gauge' }
export const tips: Quantity = { channel: 'rainfall', unit: 'mm', resolution: 0.2, kind: 'counter', counterBits: 16 }
export const caption: Quantity = { channel: 'caption', unit: '', resolution: null, kind: 'text' }

/** 3.001, 3.002 ... in steps of the resolution; counters and texts count too. */
export function countingSensor(quantities: Quantity[] = [voltage]): Sensor {
  let n = 0
  const measure = ({ kind, resolution }: Quantity): Value => {
    if (kind === 'text') return `line ${n}`
    const perUnit = Math.round(1 / (resolution ?? 1))
    return kind === 'counter' ? n : (3 * perUnit + n) / perUnit
  }
  return {
    quantities,
    sample() {
      n++
      return quantities.map(measure)
    },
  }
}

export type Rig = {
  device: Device
  clock: VirtualClock
  transport: FakeTransport
  truth: TruthEvent[]
  wire: Wire
  /** Lets so many seconds pass. */
  pass(seconds: number): void
  of<Type extends TruthEvent['type']>(type: Type): Array<Extract<TruthEvent, { type: Type }>>
}

export function createRig(changes: Partial<Profile> = {}, sensor = countingSensor(), meter: Meter = mainsMeter): Rig {
  const profile = { ...testProfile, ...changes }
  const clock = createVirtualClock(startMs)
  const transport = createFakeTransport(clock)
  const truth: TruthEvent[] = []
  const wire = createWire(profile, sensor.quantities)
  const device = createDevice({
    profile,
    wire,
    sensors: [sensor],
    name: { site: 'home', device: 'd-0001' },
    clientId: 'home-d-0001',
    gateway: null,
    index: 0,
    clock,
    random: createRandom(7),
    transport,
    meter,
    truth: { write: (event) => truth.push(event), close: () => Promise.resolve() },
    startMs,
    joinMs: startMs,
  })
  device.start()
  return {
    device,
    clock,
    transport,
    truth,
    wire,
    pass: (seconds) => clock.runUntil(clock.nowMs() + seconds * 1000),
    of: <Type extends TruthEvent['type']>(type: Type) =>
      truth.filter((event): event is Extract<TruthEvent, { type: Type }> => event.type === type),
  }
}
