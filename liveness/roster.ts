/** All devices that somebody asks for: those that were heard, and those that somebody means to have and nobody has heard. */
import { type DeviceName, type DeviceStatus, deviceKey } from '../telemetry/device.ts'
import type { Devices } from './devices.ts'

/** `site`: null: at any site. */
export type ExpectedDevice = { site: string | null; device: string }

export type Roster = {
  all(): DeviceStatus[]
  /** Null: neither heard nor expected. */
  find(name: DeviceName): DeviceStatus | null
}

/** `sinceMs`: from when on they were waited for. */
export function createRoster(devices: Devices, expected: () => Iterable<ExpectedDevice>, sinceMs: number): Roster {
  const neverSeen = ({ site, device }: ExpectedDevice): DeviceStatus => ({
    ...{ site: site ?? '', device, state: 'never-seen', why: 'it has a credential, and was not heard yet' },
    ...{ sinceMs, lastSeenMs: 0, dueMs: null, isAlerting: false },
  })
  return {
    all() {
      const heard = [...devices.all()]
      // Made only when it is asked: most devices are expected at a site.
      let names: Set<string> | null = null
      const wasHeard = ({ site, device }: ExpectedDevice) => {
        if (site !== null) return devices.find({ site, device }) !== undefined
        names ??= new Set(heard.map((it) => it.device))
        return names.has(device)
      }
      const statuses = heard.map(devices.status)
      for (const it of expected()) if (!wasHeard(it)) statuses.push(neverSeen(it))
      return statuses
    },
    find(name) {
      const known = devices.find(name)
      if (known !== undefined) return devices.status(known)
      for (const it of expected())
        if (deviceKey({ ...it, site: it.site ?? '' }) === deviceKey(name)) return neverSeen(it)
      return null
    },
  }
}
