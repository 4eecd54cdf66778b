/** Which reports are worth decoding: it costs as much as ingest's own, and most would only say again what is known. */
import { limits } from '../../telemetry/limits.ts'
import type { KnownDevice } from './known-device.ts'

/** `isWanted`: somebody goes by the device's values. */
export function isWorthLook(device: KnownDevice, nowAt: number, isWanted: boolean): boolean {
  const { lookedAt, nextMs, vainLooks } = device
  if (lookedAt === null) return true
  const ageMs = nowAt - lookedAt
  if (isWanted && ageMs >= limits.lookMsMin) return true
  // One that comes early may have booted with another interval.
  if (nextMs !== null) return ageMs >= limits.sameReportMs
  return vainLooks < limits.looksVainMax || ageMs >= limits.looksVainMs
}

/** `nextS`: what the report declares. Only some topics of a device may do so: one that does not takes nothing back, several do. */
export function looked(device: KnownDevice, nowAt: number, nextS: number | null): void {
  if (nextS !== null && nextS > 0) {
    device.nextMs = Math.min(Math.round(nextS * 1000), limits.nextReportMsMax)
    device.vainLooks = 0
    device.lookedAt = nowAt
    return
  }
  if (isEarly(device, nowAt)) return
  device.vainLooks = Math.min(device.vainLooks + 1, limits.looksVainMax)
  if (device.nextMs !== null && device.vainLooks < limits.looksVainMax) return
  device.nextMs = null
  device.lookedAt = nowAt
}

/** An event between two reports says nothing of when the next one comes, and takes nothing back. */
const isEarly = ({ lookedAt, nextMs }: KnownDevice, nowAt: number): boolean =>
  lookedAt !== null && nextMs !== null && nowAt - lookedAt <= nextMs / 2
