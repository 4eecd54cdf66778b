/**
 * `abuse-attack.js PORT SEED CONNECTIONS KIND...`, in a process of its own: attacks until it is ended; with kind fuzz until so
 * many connections have sent broken packets, and says so.
 */
import type { Socket } from 'node:net'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '../devices-sim/random.ts'
import { flood, frozen, fuzz, giant, slowLoris } from './abuse.ts'

export const attacks = {
  loris: { count: 1_000, open: slowLoris, lastsMs: null },
  giants: { count: 50, open: giant, lastsMs: null },
  // With all that it may have it is no trouble any more.
  floods: { count: 20, open: flood, lastsMs: 2_000 },
  frozen: { count: 2, open: frozen, lastsMs: null },
} as const
export type Attack = keyof typeof attacks

const fuzzKind = 'fuzz'
/** The next one comes so long after the broker ended one. */
const againMs = 50

/** Whoever is ended comes back. */
async function keepUp(port: number, kind: Attack, n: number): Promise<never> {
  const { count, open, lastsMs } = attacks[kind]
  // Nobody keeps them in step.
  if (lastsMs !== null) await sleep((n * lastsMs) / count)
  for (;;) {
    const socket: Socket | null = await open(port, n).catch(() => null)
    if (socket !== null && !socket.closed) {
      if (lastsMs !== null) setTimeout(() => socket.destroy(), lastsMs)
      await new Promise((resolve) => socket.once('close', resolve))
    }
    await sleep(againMs)
  }
}

if (process.argv[1] === import.meta.filename) {
  // Attackers are elsewhere: their own work must not slow the others down.
  setPriority(19)
  const [port, seed, connections] = process.argv.slice(2, 5).map(Number) as [number, number, number]
  const kinds = process.argv.slice(5)
  for (const kind of kinds.filter((it): it is Attack => it !== fuzzKind)) {
    for (let n = 0; n < attacks[kind].count; n++) void keepUp(port, kind, n)
  }
  process.on('disconnect', () => process.exit(0))
  process.send?.('begun')
  if (kinds.includes(fuzzKind)) {
    await fuzz(port, connections, createRandom(seed), (done) => console.log(`${done} connections`))
    process.send?.('done')
  }
}
