/** What a server costs that has more than one process: its own and those that it started. */
import { readdirSync, readFileSync } from 'node:fs'
import { cpuSeconds, pssMiB } from '../devices-sim/load/processes.ts'

/** The process and all below it. */
export function treeOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`)
  const children = threads.flatMap((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim()
    return text === '' ? [] : text.split(' ').map(Number)
  })
  return [pid, ...children.flatMap(treeOf)]
}

export type ProcessCost = { pid: number; cpuS: number; pssMiB: number }

/** `pssMiB`: memory, of what is shared with others a part. */
export const costOf = (pid: number): ProcessCost => ({ pid, cpuS: cpuSeconds(pid), pssMiB: pssMiB(pid) })

/** Of the whole machine. `slabMiB`: what sockets and files are kept in, too; `socketMiB`: bytes that are on their way. */
export function kernelMemory(): { sockets: number; socketMiB: number; slabMiB: number } {
  const tcp = /^TCP: inuse (\d+) .*mem (\d+)$/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))
  const slab = /^Slab:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
  return { sockets: Number(tcp?.[1]), socketMiB: (Number(tcp?.[2]) * 4096) / 2 ** 20, slabMiB: Number(slab) / 1024 }
}
