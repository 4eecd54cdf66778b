/** What the oracle can find: a closed list. All are counted; the first few of each kind are kept. */
import type { DeviceName } from '../../telemetry/device.ts'

export const faultKinds = {
  lost: 'acknowledged, and not in the store',
  duplicate: 'more than once in the store',
  invented: 'in the store, and never measured',
  wrong_value: 'in the store with another value',
  wrong_time: 'in the store at another time',
  counter: 'what a counter added does not add up',
  not_quarantined: 'acknowledged, could not be read, and not in the quarantine',
  false_alert: 'alert for a device with which nothing was wrong',
  late_alert: 'alert that came too late',
  missing_alert: 'no alert, though something was wrong for long enough',
  unreadable: 'lines of the truth that cannot be read',
} as const
export type FaultKind = keyof typeof faultKinds

/** `timeMs`: milliseconds since 1970. `channel` null: it concerns the whole device. */
export type Fault = DeviceName & {
  kind: FaultKind
  channel: string | null
  timeMs: number
  /** What the store or the alerts say, and what the truth says. */
  given: string
  wanted: string
}

export type Faults = {
  /** `count`: so many of this kind, of which this is one. */
  add(fault: Fault, count?: number): void
  counts(): { [kind in FaultKind]: number }
  examples(): Fault[]
  /** The devices with most faults. */
  devices(): Array<DeviceName & { faults: number }>
}

export const examplesPerKind = 5
const devicesTold = 20

export function createFaults(): Faults {
  const counts = Object.fromEntries(Object.keys(faultKinds).map((kind) => [kind, 0])) as { [kind in FaultKind]: number }
  const examples: Fault[] = []
  const byDevice = new Map<string, DeviceName & { faults: number }>()
  return {
    add(fault, count = 1) {
      const { kind, site, device } = fault
      if (examples.filter((it) => it.kind === kind).length < examplesPerKind) examples.push(fault)
      counts[kind] += count
      const key = `${site}/${device}`
      const one = byDevice.get(key)
      if (one === undefined) byDevice.set(key, { site, device, faults: count })
      else one.faults += count
    },
    counts: () => ({ ...counts }),
    examples: () => examples,
    devices: () => [...byDevice.values()].sort((a, b) => b.faults - a.faults).slice(0, devicesTold),
  }
}
