/** What processes cost, as Linux counts it: those of a broker that is loaded, by number or by name. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Units of the times in /proc/PID/stat; 100 nearly everywhere, so a figure is good to 10 ms. */
let ticksPerS: number | null = null

/** CPU seconds, user and system, of all threads of a process, ended ones too. */
export function cpuSeconds(pid: number): number {
  ticksPerS ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name stands in brackets and may hold spaces; behind it the state is the first word, utime the twelfth.
  const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(words[11]) + Number(words[12])) / ticksPerS
}

/** Memory of a process, of what is shared with others a part, MiB. */
export function pssMiB(pid: number): number {
  const kiB = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
  return Number(kiB) / 1024
}

export type Watched = { pid: number; name: string }

/** Processes of this number or this name; an empty list: there is none. */
export function findProcesses(wanted: string): Watched[] {
  const pids = /^\d+$/.test(wanted) ? [wanted] : readdirSync('/proc').filter((it) => /^\d+$/.test(it))
  return pids.flatMap((pid) => {
    const name = nameOf(pid)
    return name !== null && (pid === wanted || name === wanted) ? [{ pid: Number(pid), name }] : []
  })
}

/** Null: it has ended. */
function nameOf(pid: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return null
  }
}
