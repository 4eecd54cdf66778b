/** How often a device starts anew: by its boot number, whether that counts or is drawn by lot. */
import { limits } from '../../telemetry/limits.ts'

/** Saved as it is. `known`: the latest boots, so that a late report of an earlier one is no reboot; `atMs`: when new ones were seen. */
export type Reboots = { known: number[]; atMs: number[] }

const dayMs = 86_400_000
const hourMs = 3_600_000
const bootsKnown = 8
/** So many boots within an hour are a loop. */
const loopBoots = 6

export const createReboots = (boot: number): Reboots => ({ known: [boot], atMs: [] })

export function takeBoot(reboots: Reboots, boot: number, atMs: number): void {
  if (reboots.known.includes(boot)) return
  reboots.known.push(boot)
  if (reboots.known.length > bootsKnown) reboots.known.shift()
  reboots.atMs = reboots.atMs.filter((at) => at > atMs - dayMs)
  reboots.atMs.push(atMs)
  if (reboots.atMs.length > limits.healthBootsMax) reboots.atMs.shift()
}

/** Of the last 24 hours, at most limits.healthBootsMax. */
export const rebootsADay = ({ atMs }: Reboots, nowMs: number): number => atMs.filter((at) => at > nowMs - dayMs).length

export const isLooping = ({ atMs }: Reboots, nowMs: number): boolean =>
  atMs.filter((at) => at > nowMs - hourMs).length >= loopBoots
