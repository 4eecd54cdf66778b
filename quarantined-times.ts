/** Which messages of a device the quarantine holds: reports that came, and are missing all the same. */
import type { DeviceName } from './telemetry/device.ts'
import type { QuarantineView } from './telemetry/quarantine.ts'

/** When they were received, ms since 1970, in any order. Without a site: the device of that name at any site. */
export function quarantinedAtMs(
  view: QuarantineView,
  deviceOf: (topic: string) => DeviceName | null,
  device: string,
  site: string | undefined,
): number[] {
  const isOf = (topic: string): boolean => {
    const name = deviceOf(topic)
    return name !== null && name.device === device && (site === undefined || name.site === site)
  }
  return view
    .list(Number.POSITIVE_INFINITY, { matches: isOf })
    .map(({ receivedAtUs }) => Math.floor(receivedAtUs / 1000))
}
