/** Devices of which nobody may be told: taken over by themselves, back within the grace, or two clients that fight for one identifier. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Wire } from '../test/flow/wire.ts'
import { openDropped } from './drops.ts'

export type Restless = {
  counts: { takeovers: number; reconnects: number; fights: number }
  /** Every device has a connection again, and keeps it. */
  stop(): Promise<void>
}

/** A fighter that was thrown out is back after so long. */
const fightMs = 20

/** `everyMs`: how often each of the three happens, once the one before is over. @throws in stop(), what went wrong meanwhile */
export function startRestless(port: number, everyMs: number): Restless {
  const counts = { takeovers: 0, reconnects: 0, fights: 0 }
  let isOver = false
  const open: Wire[] = []

  async function again(work: (device: Wire) => Promise<Wire>, name: string): Promise<void> {
    let device = await openDropped(port, name)
    while (!isOver) {
      await sleep(everyMs)
      device = await work(device)
    }
    open.push(device)
  }

  async function takeOver(old: Wire): Promise<Wire> {
    const next = await openDropped(port, 'taken-over')
    await old.closed
    counts.takeovers++
    return next
  }

  async function reconnect(old: Wire): Promise<Wire> {
    old.socket.destroy()
    const next = await openDropped(port, 'back-at-once')
    counts.reconnects++
    return next
  }

  /** Each of the two connects as soon as the other one has thrown it out, ten times over. */
  async function fight(first: Wire): Promise<Wire> {
    let device = first
    for (let round = 0; round < 10; round++) {
      await sleep(fightMs)
      const other = await openDropped(port, 'fought-for')
      await device.closed
      device = other
      counts.fights++
    }
    return device
  }

  const all = Promise.all([again(takeOver, 'taken-over'), again(reconnect, 'back-at-once'), again(fight, 'fought-for')])
  // It is told by stop().
  all.catch(() => {})
  return {
    counts,
    async stop() {
      isOver = true
      await all
      for (const { socket } of open) socket.destroy()
    },
  }
}
