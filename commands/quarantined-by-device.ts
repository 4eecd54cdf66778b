/** Messages in the quarantine by device: site and device are levels of a topic that stand side by side. */
import { type DeviceName, deviceKey } from '../telemetry/device.ts'
import type { QuarantineEntry } from '../telemetry/quarantine.ts'

/** Of those that came from then on. */
export function quarantinedByDevice(
  entries: Array<Pick<QuarantineEntry, 'topic' | 'time'>>,
  fromMs: number,
): (name: DeviceName) => Promise<number> {
  const counts = new Map<string, number>()
  for (const { topic, time } of entries) {
    if (Date.parse(time) < fromMs) continue
    const levels = topic.split('/')
    const pairs = new Set(levels.slice(1).map((device, i) => deviceKey({ site: levels[i] as string, device })))
    for (const key of pairs) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return async (name) => counts.get(deviceKey(name)) ?? 0
}
