/** What a process has cost so far, as Linux counts it: CPU time of all its threads, and the most memory it held. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

/** Units of the times in /proc/PID/stat; 100 nearly everywhere, so a figure is good to 10 ms. */
const ticksPerS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** CPU seconds, user and system, of all threads of a process, ended ones too. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name stands in brackets and may hold spaces; behind it the state is the first word, utime the twelfth.
  const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(words[11]) + Number(words[12])) / ticksPerS
}

/** Most memory held at once since the start or the last resetPeak(), MiB. */
export function peakMiB(pid: number): number {
  const kiB = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kiB) / 1024
}

/** Lets the peak begin anew, so that each load has its own. */
export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')
