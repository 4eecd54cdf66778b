/** As many clients as are wanted, spread over processes, since one process has only so many files. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { cpuSeconds } from '../devices-sim/load/processes.ts'
import type { CrowdAnswer, CrowdConnected, CrowdLoad, CrowdOrder, CrowdSetup, CrowdState } from './crowd.ts'

export type CrowdsOptions = { port: number; isTls: boolean; count: number; keepAliveS: number }
export type Connected = CrowdConnected & {
  /** From the order to the last CONNACK. */
  seconds: number
}
export type Crowds = {
  processes: number
  /** `parallel`: of all together. Clients that are connected stay so. @throws Error when some are not after the time. */
  connect(parallel: number, secondsMax: number): Promise<Connected>
  load(options: { ratePerS: number; seconds: number; pingEveryS: number; seed: number }): Promise<CrowdLoad>
  look(): Promise<CrowdState>
  drop(): Promise<void>
  cpuSeconds(): number
  stop(): Promise<void>
}

/** Sockets of one process: 20,000 files are a common limit. */
const perProcessMax = 18_500

export async function startCrowds({ count, ...options }: CrowdsOptions): Promise<Crowds> {
  const processes = Math.ceil(count / perProcessMax)
  const shares = Array.from(
    { length: processes },
    (_, i) => Math.floor(((i + 1) * count) / processes) - Math.floor((i * count) / processes),
  )
  let first = 0
  const members = shares.map((share, i) => {
    const setup = { ...options, address: addressOf(i), first, count: share }
    first += share
    return startMember(setup)
  })
  const all = <T extends CrowdAnswer>(order: (share: number, i: number) => CrowdOrder) =>
    Promise.all(members.map((member, i) => member.ask(order(shares[i] as number, i)) as Promise<T>))
  await all(() => ({ do: 'look' }))
  return {
    processes,
    async connect(parallel, secondsMax) {
      const begunAtMs = Date.now()
      const share = Math.ceil(parallel / processes)
      const answers = await all<CrowdConnected>(() => ({ do: 'connect', parallel: share, secondsMax }))
      const missing = answers.reduce((total, it) => total + it.missing, 0)
      const failures = summed(answers.map((it) => it.failures))
      if (missing > 0) {
        throw new Error(`${missing} of ${count} are not connected after ${secondsMax} s: ${JSON.stringify(failures)}`)
      }
      const lastAtMs = Math.max(...answers.map((it) => it.lastAtMs))
      return { missing, lastAtMs, seconds: (lastAtMs - begunAtMs) / 1000, tookMs: joined(answers), failures }
    },
    async load({ ratePerS, seed, ...rest }) {
      const answers = await all<CrowdLoad>((share, i) => ({
        do: 'load',
        ratePerS: (ratePerS * share) / count,
        seed: seed + i,
        ...rest,
      }))
      const sum = (key: 'sent' | 'acked' | 'pings' | 'pongs') => answers.reduce((total, it) => total + it[key], 0)
      return {
        sent: sum('sent'),
        acked: sum('acked'),
        pings: sum('pings'),
        pongs: sum('pongs'),
        tookMs: joined(answers),
      }
    },
    async look() {
      const answers = await all<CrowdState>(() => ({ do: 'look' }))
      return {
        connected: answers.reduce((total, it) => total + it.connected, 0),
        lost: answers.reduce((total, it) => total + it.lost, 0),
        whyLost: summed(answers.map((it) => it.whyLost)),
      }
    },
    async drop() {
      await all(() => ({ do: 'drop' }))
    },
    cpuSeconds: () => members.reduce((total, { pid }) => total + cpuSeconds(pid), 0),
    async stop() {
      await Promise.all(members.map((member) => member.stop()))
    },
  }
}

/** Of this run only, so that ports of one before that are not free yet are of no matter. */
const addressOf = (i: number) => `127.${1 + (process.pid % 250)}.${Math.floor(process.pid / 250) % 250}.${i + 1}`

function startMember(setup: CrowdSetup) {
  const program = join(import.meta.dirname, 'crowd.js')
  const child: ChildProcess = fork(program, [JSON.stringify(setup)], { serialization: 'advanced' })
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const waiting = new Map<number, { resolve: (answer: CrowdAnswer) => void; reject: (error: Error) => void }>()
  let asked = 0
  child.on('message', (message) => {
    const { number, answer } = message as { number: number; answer: CrowdAnswer }
    waiting.get(number)?.resolve(answer)
    waiting.delete(number)
  })
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`a process of clients ended: ${signal ?? code}`))
  })
  return {
    pid: child.pid as number,
    ask(order: CrowdOrder): Promise<CrowdAnswer> {
      return new Promise((resolve, reject) => {
        const number = asked++
        waiting.set(number, { resolve, reject })
        child.send({ number, order })
      })
    },
    async stop() {
      process.off('exit', killAtExit)
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

function joined(answers: Array<{ tookMs: Float32Array }>): Float32Array {
  const all = new Float32Array(answers.reduce((total, { tookMs }) => total + tookMs.length, 0))
  let at = 0
  for (const { tookMs } of answers) {
    all.set(tookMs, at)
    at += tookMs.length
  }
  return all
}

function summed(counts: Array<{ [name: string]: number }>): { [name: string]: number } {
  const all: { [name: string]: number } = {}
  for (const some of counts) for (const [name, n] of Object.entries(some)) all[name] = (all[name] ?? 0) + n
  return all
}

/** NaN of nothing. */
export function percentile(values: Float32Array, share: number): number {
  const sorted = values.toSorted()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
