/** The most memory that a process held, as Linux counts it. */
import { readFileSync, writeFileSync } from 'node:fs'

/** Most memory held at once since the start or the last resetPeak(), MiB. */
export function peakMiB(pid: number): number {
  const kiB = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kiB) / 1024
}

/** Lets the peak begin anew, so that each load has its own. */
export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')
