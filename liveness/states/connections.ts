/** Which connection each client has now, and for which devices each of them speaks. */
import { isSourceClient } from '../../telemetry/client.ts'
import type { KnownDevice } from './known-device.ts'

export type Connection = { epoch: number; address: string }
export type SavedConnection = [client: string, epoch: number, address: string]

export type Connections = {
  /** Answers the devices of the client's connection before; they go with it to the new one. */
  opened(client: string, connection: Connection): KnownDevice[]
  /** Answers the devices that it spoke for. */
  ended(client: string, epoch: number): KnownDevice[]
  /** The connection, if the epoch is that of the client's connection now; what an earlier one still had in its pipe is no sign of life. */
  live(client: string, epoch: number): Connection | null
  /** `epoch` 0: no connection speaks for it. */
  bind(device: KnownDevice, epoch: number): void
  /** Forgets all but links of sources, which outlive our restart; answers whether an epoch is one of those. */
  restarted(): (epoch: number) => boolean
  /** As they are now, however they change while the pieces are taken. */
  pieces(size: number): Generator<SavedConnection[], void>
}

export function createConnections(saved: SavedConnection[], devices: Iterable<KnownDevice>): Connections {
  const ofClient = new Map<string, Connection>(saved.map(([client, epoch, address]) => [client, { epoch, address }]))
  /** Most connections speak for one device, and need no set for it. */
  const ofEpoch = new Map<number, KnownDevice | Set<KnownDevice>>()
  for (const device of devices) add(device)

  function add(device: KnownDevice): void {
    if (device.epoch === 0) return
    const others = ofEpoch.get(device.epoch)
    if (others === undefined) ofEpoch.set(device.epoch, device)
    else if (others instanceof Set) others.add(device)
    else if (others !== device) ofEpoch.set(device.epoch, new Set([others, device]))
  }

  function remove(device: KnownDevice): void {
    const known = ofEpoch.get(device.epoch)
    if (known instanceof Set) known.delete(device)
    else if (known === device) ofEpoch.delete(device.epoch)
  }

  function devicesOf(epoch: number): KnownDevice[] {
    const known = ofEpoch.get(epoch)
    if (known === undefined) return []
    return known instanceof Set ? [...known] : [known]
  }

  return {
    opened(client, connection) {
      const earlier = ofClient.get(client)
      ofClient.set(client, connection)
      return earlier === undefined ? [] : devicesOf(earlier.epoch)
    },
    ended(client, epoch) {
      if (ofClient.get(client)?.epoch === epoch) ofClient.delete(client)
      const devices = devicesOf(epoch)
      ofEpoch.delete(epoch)
      return devices
    },
    live(client, epoch) {
      const connection = ofClient.get(client)
      return connection?.epoch === epoch ? connection : null
    },
    bind(device, epoch) {
      remove(device)
      device.epoch = epoch
      add(device)
    },
    restarted() {
      for (const client of ofClient.keys()) if (!isSourceClient(client)) ofClient.delete(client)
      const kept = new Set([...ofClient.values()].map(({ epoch }) => epoch))
      for (const epoch of ofEpoch.keys()) if (!kept.has(epoch)) ofEpoch.delete(epoch)
      return (epoch) => kept.has(epoch)
    },
    pieces(size) {
      // Two quick copies; a connection is replaced, never changed.
      const clients = [...ofClient.keys()]
      const opened = [...ofClient.values()]
      return inPieces(clients, opened, size)
    },
  }
}

function* inPieces(clients: string[], opened: Connection[], size: number): Generator<SavedConnection[], void> {
  for (let from = 0; from < clients.length; from += size) {
    yield opened.slice(from, from + size).map(({ epoch, address }, i) => [clients[from + i] as string, epoch, address])
  }
}
