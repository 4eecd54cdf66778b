/**
 * The state of every device, from the order and the times of the journal alone. A device belongs to the connection (epoch) that spoke
 * for it last; only the end of that connection takes it offline. A will, or the end of a connection that was replaced,
 * says nothing about a device that is already back. Who has a contract (states/contract.ts) may sleep, and is late, then lost when
 * it breaks it.
 *
 * A source is one connection for many devices, and its link says nothing about them: only a will that comes through it
 * takes a device offline, and neither a broken link nor our own restart does.
 */
import type { Factor } from '../telemetry/alert.ts'
import { isHttpClient, isSourceClient } from '../telemetry/client.ts'
import { type DeviceName, type DeviceStatus, deviceKey, type StateChange } from '../telemetry/device.ts'
import { type ConnectDetails, type DisconnectDetails, MessageKind, type Record } from '../telemetry/message.ts'
import { createAwaited } from './states/awaited.ts'
import { type Connection, createConnections, type SavedConnection } from './states/connections.ts'
import { type Contract, contractOf, isVisit } from './states/contract.ts'
import { createCourse } from './states/course.ts'
import { factorsOf, type Members } from './states/factors.ts'
import { createKnownDevice, type KnownDevice } from './states/known-device.ts'
import type { SavedTime } from './states/lived-time.ts'
import { createReports, type ReportOptions } from './states/reports.ts'
import { whyAsleep, whyOffline, withFacts } from './states/why.ts'

export type SavedDevices = { time: SavedTime; connections: SavedConnection[]; devices: KnownDevice[] }

/** Hears of a device before it changes, or that it is new. */
export type Watcher = (device: KnownDevice, isNew: boolean) => void

export type DevicesOptions = ReportOptions & {
  saved: SavedDevices
  deviceOf: (topic: string) => DeviceName | null
  /** The gateway that a topic names; '': none. */
  gatewayOf?: ((topic: string) => string) | undefined
  /** After our own restart devices get this long to come back. */
  graceMs: number
  onChange: (change: StateChange) => void
}

export type Devices = {
  /** What was due before the record happens first, each at its own time. */
  take(record: Record): void
  /** When somebody is due next, milliseconds since 1970; Infinity: nobody is. A record of that time or a later one makes it happen. */
  nextDueMs(): number
  all(): Iterable<KnownDevice>
  count(): number
  find(name: DeviceName): KnownDevice | undefined
  status(device: KnownDevice): DeviceStatus
  /** How often a device reports by its contract, milliseconds; null: nobody knows. Without a site: the only device of that name. */
  everyMsOf(device: string, site: string | undefined): number | null
  factorsOf(name: DeviceName): Array<readonly [Factor, string]>
  membersOf(factor: Factor, name: string): Members
  /** As it is now; connections in pieces of the size. */
  save(size: number): { time: SavedTime; connections: Generator<SavedConnection[], void> }
  /** One at a time; null ends it. */
  watch(watcher: Watcher | null): void
}

export function createDevices(options: DevicesOptions): Devices {
  const { saved, deviceOf, graceMs } = options
  const devices = new Map(saved.devices.map((device) => [deviceKey(device), device]))
  const connections = createConnections(saved.connections, devices.values())
  let watcher: Watcher | null = null
  const onDue = (device: KnownDevice) => watcher?.(device, false)
  const course = createCourse({ saved, graceMs, onChange: options.onChange, onDue })
  const { change, factors, now, review, schedule } = course
  const report = createReports(options)
  const awaited = createAwaited(devices.values())

  function known(name: DeviceName, atMs: number): KnownDevice {
    const found = devices.get(deviceKey(name))
    if (found !== undefined) {
      watcher?.(found, false)
      return found
    }
    const device = createKnownDevice(name, atMs)
    devices.set(deviceKey(name), device)
    watcher?.(device, true)
    return device
  }

  /** Undefined: no site has a device of that name, or several have. */
  function onlyOne(name: string): KnownDevice | undefined {
    let found: KnownDevice | undefined
    for (const device of devices.values()) {
      if (device.device !== name) continue
      if (found !== undefined) return undefined
      found = device
    }
    return found
  }

  function bind(device: KnownDevice, client: string, { epoch, address }: Connection, boundAt = now()): void {
    connections.bind(device, epoch)
    device.client = client
    device.address = address
    device.boundAt = boundAt
    device.awaitedAt = null
    factors.update(device)
  }

  /** Only what is published tells it: a connection names no topic but that of its will. */
  function findGateway(device: KnownDevice, { epoch, topic }: Record): void {
    if (options.gatewayOf === undefined || topic === '' || device.gatewayEpoch === epoch) return
    device.gatewayEpoch = epoch
    device.gateway = options.gatewayOf(topic) || device.gateway
    factors.update(device)
  }

  function heard(name: DeviceName, record: Record, isReport: boolean): void {
    const { client, epoch, receivedAtUs } = record
    const atMs = Math.floor(receivedAtUs / 1000)
    const device = known(name, atMs)
    device.lastSeenMs = atMs
    findGateway(device, record)
    if (isReport && report(device, record, now())) factors.update(device)
    const live = connections.live(client, epoch)
    const isNew = live !== null && device.epoch !== epoch
    if (isNew) bind(device, client, live)
    const contract = review(device)
    if (isNew) change(device, 'online', 'connected', receivedAtUs, false)
    else if (isReport && live !== null && device.state !== 'online')
      change(device, 'online', 'reports again', receivedAtUs, false)
    else if (isReport && live === null) unheld(device, contract, record)
    schedule(device, contract)
  }

  /** It has reported, and no connection holds it: over HTTP, or what an ended connection still had in its pipe. */
  function unheld(device: KnownDevice, contract: Contract | null, { client, receivedAtUs }: Record): void {
    if (contract === null || contract.by === 'habit' || device.epoch > 0) return
    if (isHttpClient(client)) {
      device.awaitedAt = null
      if (device.state !== 'online') change(device, 'online', 'reports over HTTP', receivedAtUs, false)
    } else if (device.state === 'late' || device.state === 'lost' || (device.state === 'offline' && !device.isAlerting))
      change(device, 'asleep', whyAsleep(contract, 'reported, and left'), receivedAtUs, false)
  }

  function connected(record: Record): void {
    const { client, epoch } = record
    const { willTopic, address } = JSON.parse(record.payload.toString()) as ConnectDetails
    const connection = { epoch, address }
    // The same client on a new connection: it speaks for the same devices, which were never gone, or only by our own doing.
    const carried = [...connections.opened(client, connection), ...awaited.take(client)]
    for (const device of carried) {
      watcher?.(device, false)
      // One device may have booted, and measures first; of a gateway's connection each is as far as it was.
      bind(device, client, connection, carried.length > 1 ? device.boundAt : now())
      schedule(device, review(device))
    }
    const name = willTopic === undefined ? null : deviceOf(willTopic)
    if (name !== null) heard(name, record, false)
  }

  function disconnected(record: Record): void {
    const { reason } = JSON.parse(record.payload.toString()) as DisconnectDetails
    for (const device of connections.ended(record.client, record.epoch)) {
      watcher?.(device, false)
      device.epoch = 0
      if (reason === 'worker') expect(device)
      const contract = review(device)
      if (reason !== 'worker') ended(device, contract, reason, record.receivedAtUs)
      schedule(device, contract)
    }
  }

  function ended(
    device: KnownDevice,
    contract: Contract | null,
    reason: DisconnectDetails['reason'],
    atUs: number,
  ): void {
    // It is missed for longer than its connection is.
    if (device.state === 'lost') return
    const hasLeft = reason === 'client'
    if (contract !== null && contract.by !== 'habit' && (hasLeft || isVisit(device, contract, now()))) {
      const left = hasLeft ? whyOffline.client : 'its connection ended after its report'
      change(device, 'asleep', whyAsleep(contract, left), atUs, false)
    } else change(device, 'offline', withFacts(whyOffline[reason], device.facts), atUs, !hasLeft, reason === 'closed')
  }

  /** From a source: what its broker says about a device that nobody else has spoken for since. */
  function willed(record: Record): void {
    if (!isSourceClient(record.client)) return
    const name = deviceOf(record.topic)
    const device = name === null ? undefined : devices.get(deviceKey(name))
    if (device === undefined || device.epoch !== record.epoch) return
    watcher?.(device, false)
    connections.bind(device, 0)
    const contract = review(device)
    const why = `its status at the broker of ${record.client} is offline`
    change(device, 'offline', withFacts(why, device.facts), record.receivedAtUs, true)
    schedule(device, contract)
  }

  /** Its connection was lost by our own doing: it gets time to come back. */
  function expect(device: KnownDevice): void {
    if (device.state !== 'online' && device.state !== 'late') return
    device.awaitedAt = now() + graceMs
    awaited.add(device)
  }

  /** We were away, so nobody is connected; that is our doing, and devices get time to come back. */
  function restarted(): void {
    const isKept = connections.restarted()
    awaited.clear()
    for (const device of devices.values()) {
      if (isKept(device.epoch) || (device.epoch === 0 && device.awaitedAt === null)) continue
      watcher?.(device, false)
      device.epoch = 0
      expect(device)
      schedule(device, review(device))
    }
  }

  return {
    take(record) {
      const { kind } = record
      course.move(Math.floor(record.receivedAtUs / 1000), kind === MessageKind.start)
      if (kind === MessageKind.connect) connected(record)
      else if (kind === MessageKind.disconnect) disconnected(record)
      else if (kind === MessageKind.start) restarted()
      else if (kind === MessageKind.will) willed(record)
      else if (kind === MessageKind.publish || kind === MessageKind.birth) {
        const name = deviceOf(record.topic)
        if (name !== null) heard(name, record, kind === MessageKind.publish)
      }
    },
    nextDueMs: course.nextDueMs,
    all: () => devices.values(),
    count: () => devices.size,
    find: (name) => devices.get(deviceKey(name)),
    status: course.status,
    everyMsOf(name, site) {
      const device = site === undefined ? onlyOne(name) : devices.get(deviceKey({ site, device: name }))
      const contract = device === undefined ? null : contractOf(device)
      return contract === null || contract.by === 'habit' ? null : contract.intervalMs
    },
    factorsOf(name) {
      const device = devices.get(deviceKey(name))
      return device === undefined ? [] : factorsOf(device)
    },
    membersOf: factors.members,
    save: (size) => ({ time: course.savedTime(), connections: connections.pieces(size) }),
    watch(next) {
      watcher = next
    },
  }
}
