/** All devices of a run, determined by one seed: each has one of its own, so that adding a device changes none of the others. */
import type { DeviceName } from '../telemetry/device.ts'
import type { Device } from './device/device.ts'
import { createWire, type Wire } from './device/format.ts'
import type { Meter } from './energy/meter.ts'
import { FleetMember } from './fleet-member.ts'
import { createLink, isPerfect, type Link } from './link/link.ts'
import { withLink } from './link/linked-transport.ts'
import { startOutageDiary } from './link/outage-diary.ts'
import type { Profile } from './profile.ts'
import { createRandom, memberSeed, type Random } from './random.ts'
import type { Sensor } from './sensor.ts'
import type { SimClock } from './sim-clock.ts'
import type { Transport } from './transport.ts'
import type { TruthWriter } from './truth/truth.ts'

export type FleetOptions = {
  profiles: Profile[]
  seed: number
  clock: SimClock
  transport: Transport
  truth: TruthWriter
  /** A later run against the same server must come with a greater one: counts of boots and reports begin by it. */
  startMs: number
  /** `volts` of the device's cell; null: mains. */
  createSensors(profile: Profile, random: Random, startMs: number, volts: (nowMs: number) => number | null): Sensor[]
  createMeter(profile: Profile, random: Random, startMs: number): Meter
}

export type FleetStats = {
  devices: number
  connected: number
  /** Reports handed to the network, each counted once. */
  sent: number
  acknowledged: number
  /** Lost by the devices: no room in flash, a cell that died, the end of the run. */
  dropped: number
  /** In flash, sent or not. */
  waiting: number
  /** Why the last connect of some device failed; null when none did. */
  problem: string | null
}

export type Member = { name: DeviceName; clientId: string; profile: Profile; gateway: string | null; meter: Meter }

export type Fleet = {
  /** In the order by which the truth numbers them. */
  members: readonly Member[]
  start(): void
  stats(): FleetStats
  /** Its connection breaks without a word, and it stays away until plug(). */
  unplug(index: number): void
  plug(index: number): void
  /** Takes no more samples; true when nothing waits any more within the time, by the fleet's clock. */
  drain(withinMs: number): Promise<boolean>
  /** Every device leaves, within closeMsMax; what still waits is lost. The transport stays open. */
  close(): Promise<void>
}

const closeMsMax = 2000
const lookEveryMs = 20

/** @throws StartError when a profile's format can say nothing that its sensors measure */
export function createFleet(options: FleetOptions): Fleet {
  const { clock } = options
  const links: LinkOfDevices[] = []
  let stopDiary = () => {}
  let count = 0
  const members = options.profiles.flatMap((profile) => {
    const first = count
    count += profile.count
    return createMembers(options, profile, first, links)
  })
  const device = (index: number): Device => {
    const found = members[index]
    if (found === undefined) throw new RangeError(`device ${index} of ${members.length}`)
    return found.device
  }

  /** Whether it comes true within the time. */
  function within(ms: number, isTrue: () => boolean): Promise<boolean> {
    const untilMs = clock.nowMs() + ms
    return new Promise((resolve) => {
      const look = () => {
        if (isTrue()) resolve(true)
        else if (clock.nowMs() >= untilMs) resolve(false)
        else clock.at(clock.nowMs() + lookEveryMs, look)
      }
      look()
    })
  }

  return {
    members,
    start() {
      for (const member of members) member.start()
      stopDiary = startOutageDiary(links, clock, options.truth)
    },
    stats() {
      const total = { devices: members.length, connected: 0, sent: 0, acknowledged: 0, dropped: 0, waiting: 0 }
      let problem: string | null = null
      for (const { device } of members) {
        if (device.isConnected) total.connected++
        total.sent += device.diary.sent
        total.acknowledged += device.diary.acknowledged
        total.dropped += device.diary.dropped
        total.waiting += device.waiting
        problem ??= device.problem
      }
      return { ...total, problem }
    },
    unplug: (index) => device(index).unplug(),
    plug: (index) => device(index).plug(),
    drain(withinMs) {
      for (const { device } of members) device.stopSampling()
      return within(withinMs, () => members.every(({ device }) => device.waiting === 0))
    },
    async close() {
      stopDiary()
      for (const member of members) {
        member.stopFaults()
        member.device.leave()
      }
      await within(closeMsMax, () => members.every(({ device }) => device.isGone))
      for (const { device } of members) device.end()
    },
  }
}

function createMembers(options: FleetOptions, profile: Profile, first: number, links: LinkOfDevices[]): FleetMember[] {
  const seed = memberSeed(options.seed, hashOf(profile.name))
  let wire: Wire | undefined
  const wireOf = (sensors: Sensor[]) => {
    wire ??= createWire(
      profile,
      sensors.flatMap(({ quantities }) => quantities),
    )
    return wire
  }
  const transportOf = createTransports(options, profile, seed, links)
  return Array.from(
    { length: profile.count },
    (_, i) => new FleetMember(options, profile, wireOf, transportOf, seed, i, first + i),
  )
}

type LinkOfDevices = { link: Link; devices: number[] }

/** Each device has a link of its own, those of a gateway have one together; `links` takes them. */
function createTransports(options: FleetOptions, { link: profile }: Profile, seed: number, links: LinkOfDevices[]) {
  const { transport, clock, startMs } = options
  const byGateway = new Map<string, { transport: Transport; devices: number[] }>()
  let created = 0
  return (gateway: string | null, device: number): Transport => {
    if (isPerfect(profile)) return transport
    const known = gateway === null ? undefined : byGateway.get(gateway)
    if (known !== undefined) {
      known.devices.push(device)
      return known.transport
    }
    const link = createLink(profile, createRandom(memberSeed(seed + 3, created++)), startMs)
    const linked = { transport: withLink(transport, link, clock), devices: [device] }
    links.push({ link, devices: linked.devices })
    if (gateway !== null) byGateway.set(gateway, linked)
    return linked.transport
  }
}

/** By its name, so that a profile that is put before others changes none of them. */
function hashOf(name: string): number {
  let hash = 0
  for (const letter of name) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) as number)) >>> 0
  return hash
}
