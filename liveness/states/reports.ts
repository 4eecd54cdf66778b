/** When a device reported, and how long after its report before. */
import { limits } from '../../telemetry/limits.ts'
import { withGap } from './interval.ts'
import { type KnownDevice, none } from './known-device.ts'

/** Of messages that come as one report the first one counts. */
export function heardAfter(device: KnownDevice, nowAt: number, atMs: number): void {
  const { reportedAt, nextMs } = device
  const gapMs = reportedAt === null ? null : nowAt - reportedAt
  // Our restart sets lived time back by the grace.
  if (gapMs !== null && gapMs >= 0 && gapMs < limits.sameReportMs) return
  device.reportedAt = nowAt
  device.reportedMs = atMs
  if (nextMs !== null) device.gaps = none
  else if (gapMs !== null && gapMs > 0) device.gaps = withGap(device.gaps, gapMs)
}
