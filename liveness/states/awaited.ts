/** Devices whose connection we lost ourselves, by the client that spoke for them: when it connects again, they are back with it. */
import type { KnownDevice } from './known-device.ts'

export type Awaited = {
  /** Until its `awaitedAt`. */
  add(device: KnownDevice): void
  /** Those of the client that are still waited for; they are not any more. */
  take(client: string): KnownDevice[]
  clear(): void
}

/** `devices`: as they were saved. */
export function createAwaited(devices: Iterable<KnownDevice>): Awaited {
  /** Most clients speak for one device. Those that came back by another client, or in vain were waited for, stay here and are passed over. */
  const ofClient = new Map<string, KnownDevice | KnownDevice[]>()
  for (const device of devices) if (device.awaitedAt !== null) add(device)

  function add(device: KnownDevice): void {
    const others = ofClient.get(device.client)
    if (others === undefined) ofClient.set(device.client, device)
    else if (Array.isArray(others)) others.push(device)
    else ofClient.set(device.client, [others, device])
  }

  return {
    add,
    take(client) {
      const found = [ofClient.get(client) ?? []].flat()
      ofClient.delete(client)
      return found.filter((device) => device.awaitedAt !== null && device.client === client)
    },
    clear: () => ofClient.clear(),
  }
}
