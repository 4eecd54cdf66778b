/**
 * Time of devices that only know how long they have been up. A report is never here before it was sent, so of all reports
 * of a boot the one with the smallest difference between our clock and the device's tells best when the device started.
 */
import { limits } from '../telemetry/limits.ts'

/** Plain JSON: it is part of what ingest saves (state.ts). */
export type BootClock = {
  boot: number
  /** When the device started by our clock, milliseconds since 1970, as the report with the smallest delay tells. */
  startMs: number
  /** Our time when that report came. */
  fittedAtMs: number
  reports: number
  /** Largest difference seen, beyond the smallest. */
  spreadMs: number
  /** Largest uptime seen: see isRestart(). */
  uptimeMs: number
}

/** Takes one more report of the boot; answers the clock to go by. */
export function fitBootClock(known: BootClock | null, boot: number, uptimeMs: number, receivedMs: number): BootClock {
  const seen = receivedMs - uptimeMs
  if (known === null) return { boot, startMs: seen, fittedAtMs: receivedMs, reports: 1, spreadMs: 0, uptimeMs }
  // A quartz that runs slow lets the smallest difference grow: older evidence gives way at the rate of the worst quartz.
  const drifted = known.startMs + driftMs(receivedMs - known.fittedAtMs)
  const isBetter = seen <= drifted
  return {
    boot,
    startMs: isBetter ? seen : known.startMs,
    fittedAtMs: isBetter ? receivedMs : known.fittedAtMs,
    reports: known.reports + 1,
    spreadMs: Math.max(known.spreadMs + Math.max(0, known.startMs - seen), seen - known.startMs),
    uptimeMs: Math.max(known.uptimeMs, uptimeMs),
  }
}

/**
 * Whether a device that tells no boot number has started since: its uptime is no more than it was, and began after all that is
 * known of the start before. A report that was only late would have begun with the others.
 */
export const isRestart = (known: BootClock, uptimeMs: number, receivedMs: number): boolean =>
  uptimeMs <= known.uptimeMs && receivedMs - uptimeMs > known.startMs + known.uptimeMs

/**
 * How far off the times may be, milliseconds. Of n delays that are spread evenly the smallest lies about spread/n above
 * the least possible; one report alone tells nothing about its delay.
 */
export function uncertaintyMs(clock: BootClock, receivedMs: number): number {
  if (clock.reports < 2) return limits.timeUncertaintyMsFirst
  return Math.round(clock.spreadMs / clock.reports + driftMs(receivedMs - clock.fittedAtMs))
}

const driftMs = (elapsedMs: number) => (Math.max(0, elapsedMs) * limits.deviceDriftPpm) / 1e6
