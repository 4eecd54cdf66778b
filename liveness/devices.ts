/**
 * The state of every device, from the order of the journal alone. A device belongs to the connection (epoch) that spoke
 * for it last; only the end of that connection takes it offline. A will, or the end of a connection that was replaced,
 * says nothing about a device that is already back.
 *
 * A source is one connection for many devices, and its link says nothing about them: only a will that comes through it
 * takes a device offline, and neither a broken link nor our own restart does.
 */
import { isSourceClient } from '../telemetry/client.ts'
import type { Clock } from '../telemetry/clock.ts'
import {
  type DeviceName,
  type DeviceState,
  type DeviceStatus,
  deviceKey,
  type StateChange,
} from '../telemetry/device.ts'
import {
  type ConnectDetails,
  type DisconnectDetails,
  type DisconnectReason,
  MessageKind,
  type Record,
} from '../telemetry/message.ts'

/** What is known of a device; saved and restored as it is. */
export type Device = DeviceStatus & {
  /** 0: no connection speaks for it. */
  epoch: number
  /** Online before our own restart, or that of a worker; counts as offline when this time of the steady clock passes without a sign of life. */
  awaitedUntilMs: number | null
}

export type Devices = {
  take(record: Record): void
  /** Devices that did not come back after our restart are offline now. */
  expire(wallMs: number): void
  all(): Iterable<Device>
  /** The open connection of each client. */
  connections(): Array<[client: string, epoch: number]>
}

const whyOffline: { [reason in DisconnectReason]: string } = {
  client: 'disconnected by itself',
  closed: 'connection broke without a DISCONNECT',
  keepalive: 'nothing heard for one and a half keep-alive intervals',
  replaced: 'its connection was replaced by one that does not speak for it',
  worker: 'did not come back after Dewpoint restarted',
}

/** `clock`: a steady one, which no correction of the time moves. */
export function createDevices(
  known: Device[],
  connections: Array<[client: string, epoch: number]>,
  deviceOf: (topic: string) => DeviceName | null,
  clock: Clock,
  graceMs: number,
  onChange: (change: StateChange, device: Device) => void,
): Devices {
  const devices = new Map(known.map((device) => [deviceKey(device), device]))
  const byEpoch = new Map<number, Set<Device>>()
  const epochOfClient = new Map(connections)
  for (const device of devices.values()) if (device.epoch > 0) bind(device, device.epoch)

  function bind(device: Device, epoch: number): void {
    byEpoch.get(device.epoch)?.delete(device)
    device.epoch = epoch
    if (epoch === 0) return
    const others = byEpoch.get(epoch)
    if (others === undefined) byEpoch.set(epoch, new Set([device]))
    else others.add(device)
  }

  function change(device: Device, state: DeviceState, why: string, atUs: number, isAlerting: boolean): void {
    device.why = why
    device.isAlerting = isAlerting
    if (device.state === state) return
    device.state = state
    device.sinceMs = Math.floor(atUs / 1000)
    const { site, device: name, sinceMs, lastSeenMs, dueMs } = device
    onChange({ site, device: name, state, why, sinceMs, lastSeenMs, dueMs, isAlerting, atUs }, device)
  }

  function heard(name: DeviceName, record: Record): void {
    const atMs = Math.floor(record.receivedAtUs / 1000)
    let device = devices.get(deviceKey(name))
    if (device === undefined) {
      const why = 'no connection speaks for it'
      device = {
        ...name,
        state: 'offline',
        why,
        sinceMs: atMs,
        lastSeenMs: atMs,
        dueMs: null,
        epoch: 0,
        isAlerting: false,
        awaitedUntilMs: null,
      }
      devices.set(deviceKey(name), device)
    }
    device.lastSeenMs = atMs
    // What a connection that ended or was replaced still had in its pipe is a reading, but no sign of life.
    if (epochOfClient.get(record.client) !== record.epoch || device.epoch === record.epoch) return
    device.awaitedUntilMs = null
    bind(device, record.epoch)
    change(device, 'online', 'connected', record.receivedAtUs, false)
  }

  function connected(record: Record): void {
    const earlier = epochOfClient.get(record.client)
    epochOfClient.set(record.client, record.epoch)
    // The same client on a new connection: it speaks for the same devices, which were never gone.
    if (earlier !== undefined) for (const device of [...(byEpoch.get(earlier) ?? [])]) bind(device, record.epoch)
    const { willTopic } = JSON.parse(record.payload.toString()) as ConnectDetails
    const name = willTopic === undefined ? null : deviceOf(willTopic)
    if (name !== null) heard(name, record)
  }

  function disconnected(record: Record): void {
    const { reason } = JSON.parse(record.payload.toString()) as DisconnectDetails
    if (epochOfClient.get(record.client) === record.epoch) epochOfClient.delete(record.client)
    const ended = byEpoch.get(record.epoch) ?? new Set()
    byEpoch.delete(record.epoch)
    for (const device of ended) {
      device.epoch = 0
      if (reason === 'worker') expect(device)
      else change(device, 'offline', whyOffline[reason], record.receivedAtUs, reason !== 'client')
    }
  }

  /** From a source: what its broker says about a device that nobody else has spoken for since. */
  function willed(record: Record): void {
    if (!isSourceClient(record.client)) return
    const name = deviceOf(record.topic)
    const device = name === null ? undefined : devices.get(deviceKey(name))
    if (device === undefined || device.epoch !== record.epoch) return
    bind(device, 0)
    change(device, 'offline', `its status at the broker of ${record.client} is offline`, record.receivedAtUs, true)
  }

  /** Its connection was lost by our own doing: it gets time to come back. */
  function expect(device: Device): void {
    if (device.state === 'online') device.awaitedUntilMs = clock.nowMs() + graceMs
  }

  /** We were away, so nobody is connected; that is our doing, and devices get time to come back. */
  function restarted(): void {
    const links = [...epochOfClient].filter(([client]) => isSourceClient(client))
    const kept = new Set(links.map(([, epoch]) => epoch))
    epochOfClient.clear()
    for (const [client, epoch] of links) epochOfClient.set(client, epoch)
    for (const epoch of byEpoch.keys()) if (!kept.has(epoch)) byEpoch.delete(epoch)
    for (const device of devices.values()) {
      if (kept.has(device.epoch)) continue
      device.epoch = 0
      expect(device)
    }
  }

  return {
    take(record) {
      if (record.kind === MessageKind.connect) connected(record)
      else if (record.kind === MessageKind.disconnect) disconnected(record)
      else if (record.kind === MessageKind.start) restarted()
      else if (record.kind === MessageKind.will) willed(record)
      else if (record.kind === MessageKind.publish || record.kind === MessageKind.birth) {
        const name = deviceOf(record.topic)
        if (name !== null) heard(name, record)
      }
    },
    expire(wallMs) {
      const nowMs = clock.nowMs()
      for (const device of devices.values()) {
        const until = device.awaitedUntilMs
        if (until === null || until > nowMs) continue
        device.awaitedUntilMs = null
        change(device, 'offline', whyOffline.worker, wallMs * 1000, true)
      }
    },
    all: () => devices.values(),
    connections: () => [...epochOfClient],
  }
}
