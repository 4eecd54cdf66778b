/** What the devices of the simulation do in virtual time, and what reaches the journal of it. */
import type { VirtualClock } from '../../../devices-sim/sim-clock.ts'
import { lifeCycle, type Message, MessageKind } from '../../../telemetry/message.ts'
import type { Gateway, Party, SimDevice, Site } from './fleet.ts'
import { hourMs, intervalOf } from './fleet.ts'
import type { Truth } from './truth.ts'

export type World = {
  /** The server listens; who keeps a connection comes back. */
  serverUp(): void
  serverDown(): void
  /** Everybody who wants one gets a connection; everybody reports for the first time within its interval. */
  start(): void
  /** The party is cut off, or gets its connection back. `isSeen`: the broker sees the connection break at once. */
  cut(party: Party, isSeen: boolean): void
  mend(party: Party): void
  /** Reports at once, as after a boot. */
  boot(device: SimDevice): void
  /** The connection breaks, and is back after so long. */
  drop(party: Party, forMs: number): void
  takeOver(party: Party): void
}

/** A share of wakes in which the clock of the device was set meanwhile: it comes too early or too late, once. */
const clockJumpShare = 0.001
/** ... and in which somebody has set it to another interval. */
const newIntervalShare = 0.0005

export function createWorld(options: {
  clock: VirtualClock
  sites: Site[]
  truth: Truth
  write: (message: Message) => void
}): World {
  const { clock, sites, truth, write } = options
  let isUp = false
  let epochs = 0
  const owners = new Map<Party, SimDevice>()
  for (const { devices } of sites)
    for (const device of devices) if (device.held !== null) owners.set(device.held, device)
  const parties: Party[] = [...owners.keys(), ...sites.flatMap(({ gateways }) => gateways)]
  const payloads = new Map<number, Buffer>()

  const later = (ms: number, run: () => void) => clock.at(clock.nowMs() + Math.max(1, Math.round(ms)), run)

  function payloadOf({ declares, intervalMs }: SimDevice): Buffer {
    const nextS = declares ? intervalMs / 1000 : 0
    let payload = payloads.get(nextS)
    if (payload === undefined) {
      payload = Buffer.from(JSON.stringify({ v: 0.2, next: nextS }))
      payloads.set(nextS, payload)
    }
    return payload
  }

  function publish(device: SimDevice, client: string, epoch: number): void {
    const { topic } = device
    const flags = { qos: 1, dup: false, retain: false, packetId: 1 } as const
    write({ kind: MessageKind.publish, ...flags, epoch, client, topic, payload: payloadOf(device) })
    truth.heard(device, clock.nowMs())
  }

  const opened = (client: string, epoch: number, address: string, willTopic: string | null) =>
    write(
      lifeCycle(MessageKind.connect, client, epoch, '', {
        ...{ address, keepAliveS: 60, clean: true },
        ...(willTopic !== null && { willTopic }),
      }),
    )
  const ended = (client: string, epoch: number, reason: string) =>
    write(lifeCycle(MessageKind.disconnect, client, epoch, '', { reason }))

  function visit(device: SimDevice): void {
    const { client, address, breaksOff } = device
    const epoch = ++epochs
    opened(client, epoch, address, null)
    publish(device, client, epoch)
    ended(client, epoch, breaksOff ? 'closed' : 'client')
  }

  /** It has something to tell; answers whether that got through. */
  function report(device: SimDevice): boolean {
    const { isDead, cuts, held, gateway, random, site } = device
    if (isDead || cuts > 0) return false
    // What keeps a connection learns whether a report came, and sends it again.
    if (held === null && isUp && random.fraction() < site.loss) {
      device.losses++
      return false
    }
    const party = held ?? gateway
    if (party === null) {
      if (isUp) visit(device)
      return isUp
    }
    if (isUp && party.epoch > 0) {
      publish(device, party.client, party.epoch)
      return true
    }
    if (gateway !== null) gateway.waiting.add(device)
    return false
  }

  function planNext(device: SimDevice, afterMs: number): void {
    const plan = ++device.plan
    later(afterMs, () => {
      if (device.plan === plan) wake(device)
    })
  }

  function wake(device: SimDevice): void {
    const { random, declares, intervalMs } = device
    if (declares && random.fraction() < newIntervalShare) device.intervalMs = intervalOf(random, 6 * hourMs)
    // It keeps to what it last said until it has said something else.
    if (!report(device)) device.intervalMs = intervalMs
    // A clock that jumped brings it early or late once, but never beyond two intervals.
    const jump = random.fraction() < clockJumpShare ? random.between(-0.8, 0.8) : 0
    planNext(device, device.intervalMs * (1 + jump + random.between(-0.01, 0.01)))
  }

  function connect(party: Party): void {
    if (!isUp || party.cuts > 0 || party.epoch > 0) return
    party.epoch = ++epochs
    opened(party.client, party.epoch, party.address, party.willTopic)
    const owner = owners.get(party)
    if (owner !== undefined) boot(owner)
    for (const device of party.waiting) if (!device.isDead) publish(device, party.client, party.epoch)
    party.waiting.clear()
  }

  function breaks(party: Party, reason: string): void {
    if (party.epoch === 0) return
    if (isUp) ended(party.client, party.epoch, reason)
    party.epoch = 0
    if (!isUp) return
    const concerned = owners.get(party) ?? (party as Gateway).devices[0]
    // Away for this long, its end was there to be noticed.
    later(2_000, () => {
      const trouble = concerned?.troubles.toSorted((a, b) => b.devices.length - a.devices.length)[0]
      if (party.epoch === 0 && isUp && trouble !== undefined) trouble.isKnowable = true
    })
  }

  function boot(device: SimDevice): void {
    report(device)
    planNext(device, device.intervalMs)
  }

  return {
    boot,
    start() {
      for (const { devices } of sites)
        for (const device of devices) planNext(device, device.random.fraction() * device.intervalMs)
    },
    serverUp() {
      isUp = true
      write(lifeCycle(MessageKind.start, '', 0, ''))
      for (const party of parties) {
        party.epoch = 0
        later(party.random.between(500, 25_000), () => connect(party))
      }
    },
    serverDown() {
      isUp = false
      for (const party of parties) party.epoch = 0
    },
    cut(party, isSeen) {
      party.cuts++
      if (isSeen) breaks(party, 'closed')
      else {
        const { epoch } = party
        // One and a half keep-alives after what was heard last.
        later(party.random.between(30_000, 90_000), () => {
          if (party.cuts > 0 && party.epoch === epoch) breaks(party, 'keepalive')
        })
      }
    },
    mend(party) {
      party.cuts--
      later(party.random.between(1_000, 30_000), () => connect(party))
    },
    drop(party, forMs) {
      if (party.epoch === 0) return
      breaks(party, 'closed')
      later(forMs, () => connect(party))
    },
    takeOver(party) {
      const { client, address, willTopic, epoch, random } = party
      if (!isUp || epoch === 0 || party.cuts > 0) return
      party.epoch = ++epochs
      const isOldFirst = random.fraction() < 0.5
      if (isOldFirst) ended(client, epoch, 'replaced')
      opened(client, party.epoch, address, willTopic)
      if (!isOldFirst) ended(client, epoch, 'replaced')
      const owner = owners.get(party)
      if (owner !== undefined) boot(owner)
    },
  }
}
