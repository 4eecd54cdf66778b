/** A device's part in a run: its name, seeds and faults, which the device itself does not know of. */
import type { DeviceName } from '../telemetry/device.ts'
import { createDevice, type Device, type FirmwareFault } from './device/device.ts'
import { startFaults } from './device/faults.ts'
import type { Wire } from './device/format.ts'
import { Twin } from './device/twin.ts'
import type { Meter } from './energy/meter.ts'
import type { FleetOptions, Member } from './fleet.ts'
import type { Profile } from './profile.ts'
import { createRandom, memberSeed } from './random.ts'
import { gatewayOf } from './scenario/scenario.ts'
import type { Sensor } from './sensor.ts'
import type { Transport } from './transport.ts'

export class FleetMember implements Member {
  readonly name: DeviceName
  readonly clientId: string
  readonly profile: Profile
  readonly gateway: string | null
  readonly meter: Meter
  readonly device: Device
  readonly #fleet: FleetOptions
  readonly #transport: Transport
  readonly #joinMs: number
  readonly #faultSeed: number
  #twin: Twin | null = null
  #stopFaults: (() => void) | null = null

  /** `nth` of its profile, `index` of all. */
  constructor(
    fleet: FleetOptions,
    profile: Profile,
    wireOf: (sensors: Sensor[]) => Wire,
    transportOf: (gateway: string | null, device: number) => Transport,
    seed: number,
    nth: number,
    index: number,
  ) {
    const { clock, truth, startMs } = fleet
    const { site, prefix, count, joinOverS } = profile
    this.#fleet = fleet
    this.profile = profile
    this.name = { site, device: `${prefix}-${String(nth + 1).padStart(4, '0')}` }
    this.clientId = `${site}-${this.name.device}`
    this.gateway = gatewayOf(profile, nth)
    this.#transport = transportOf(this.gateway, index)
    this.#joinMs = startMs + Math.round((joinOverS * 1000 * nth) / count)
    this.#faultSeed = memberSeed(seed + 2, nth)
    // What is measured must not change with the jitter of retries, so they have seeds of their own.
    const measuring = createRandom(memberSeed(seed, nth))
    const meter = fleet.createMeter(profile, measuring, this.#joinMs)
    const volts = (nowMs: number) => meter.volts(nowMs, false)
    const sensors = fleet.createSensors(profile, measuring, this.#joinMs, volts)
    this.meter = meter
    this.device = createDevice({
      profile,
      wire: wireOf(sensors),
      sensors,
      name: this.name,
      clientId: this.clientId,
      gateway: this.gateway,
      index,
      clock,
      random: createRandom(memberSeed(seed + 1, nth)),
      transport: this.#transport,
      meter,
      truth,
      startMs,
      joinMs: this.#joinMs,
    })
  }

  start(): void {
    this.device.start()
    if (this.profile.faults.length === 0) return
    const { clock, startMs } = this.#fleet
    this.#stopFaults = startFaults({
      profile: this.profile,
      random: createRandom(this.#faultSeed),
      clock,
      startMs,
      joinMs: this.#joinMs,
      suffer: (fault, amount) => this.#suffer(fault, amount),
      recover: (fault) => this.#recover(fault),
    })
  }

  stopFaults(): void {
    this.#stopFaults?.()
    this.#twin?.stop()
  }

  #suffer(fault: FirmwareFault | 'twin', amount: number): void {
    if (fault !== 'twin') {
      this.device.suffer(fault, amount)
      return
    }
    const { clientId, profile } = this
    const { clock } = this.#fleet
    this.#twin = new Twin({
      clientId,
      profile,
      clock,
      transport: this.#transport,
      random: createRandom(this.#faultSeed),
    })
    this.#twin.start()
  }

  #recover(fault: FirmwareFault | 'twin'): void {
    if (fault === 'twin') this.#twin?.stop()
    else this.device.recover(fault)
  }
}
