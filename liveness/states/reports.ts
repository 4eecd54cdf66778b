/** What a report tells of its device: that it came, and, where a look is worth it, when the next one comes and some values. */
import type { DeviceName } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Record } from '../../telemetry/message.ts'
import type { Look, Sighting } from '../../telemetry/sighting.ts'
import { renewFacts } from './facts.ts'
import { withGap } from './interval.ts'
import { type KnownDevice, none } from './known-device.ts'
import { isWorthLook, looked } from './looks.ts'

export type ReportOptions = {
  /** Absent: nothing is declared, and intervals are learned. */
  look?: Look | undefined
  /** Somebody goes by values of the device: it is looked at for them too. */
  wantsValues?: ((name: DeviceName) => boolean) | undefined
  onSighting?: ((sighting: Sighting, atMs: number) => void) | undefined
}

/** Takes a report that came at this lived time; answers whether facts of its device are new. */
export function createReports(options: ReportOptions): (device: KnownDevice, record: Record, nowAt: number) => boolean {
  const { look } = options
  return (device, record, nowAt) => {
    const atMs = Math.floor(record.receivedAtUs / 1000)
    came(device, nowAt, atMs)
    if (look === undefined || !isWorthLook(device, nowAt, options.wantsValues?.(device) === true)) return false
    const sighting = look(record)
    looked(device, nowAt, sighting?.nextS ?? null)
    if (sighting === null) return false
    options.onSighting?.(sighting, atMs)
    const facts = renewFacts(device.facts, sighting.values)
    const isNew = facts !== device.facts
    device.facts = facts
    return isNew
  }
}

/** Of messages that come as one report the first one counts. */
function came(device: KnownDevice, nowAt: number, atMs: number): void {
  const { reportedAt, nextMs } = device
  const gapMs = reportedAt === null ? null : nowAt - reportedAt
  // Our restart sets lived time back by the grace.
  if (gapMs !== null && gapMs >= 0 && gapMs < limits.sameReportMs) return
  device.reportedAt = nowAt
  device.reportedMs = atMs
  if (nextMs !== null) device.gaps = none
  else if (gapMs !== null && gapMs > 0) device.gaps = withGap(device.gaps, gapMs)
}
