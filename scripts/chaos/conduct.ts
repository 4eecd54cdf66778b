/**
 * Lets faults happen, one after the other and now and then two at once, until the time is over; each must be recovered from
 * within a bound. Whatever goes wrong, everything is healed when it returns.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../devices-sim/random.ts'
import { health, until } from '../../test/faults/waiting.ts'
import { workersOf } from '../../test/servers/dewpoint.ts'
import type { Fault, Held, Stage } from './faults.ts'
import { workers } from './world.ts'

/**
 * By the server's clock. recoveryMs: from the blow, for one that holds from the end of its cause, until devices are heard, all is
 * well and everything before is stored; null: not in time.
 */
export type Happened = { name: string; atMs: number; recoveryMs: number | null }

export type Conducted = {
  happened: Happened[]
  /** What could not happen here: the name, and why. */
  lacking: Array<{ name: string; why: string }>
  /** Why the run ended early, told with the fault. */
  failure: string | null
}

export type ConductOptions = Stage & {
  faults: Fault[]
  forMs: number
  /** A fault holds no longer. */
  holdMsMax: number
  /** What is not recovered from by then is a failure. */
  recoveryMsMax: number
  say(line: string): void
}

/** How often another fault strikes while one holds. */
const secondChance = 0.4
const calmMs = [300, 1_500] as const

export async function conduct(options: ConductOptions): Promise<Conducted> {
  const { world, random, faults, forMs, holdMsMax, say } = options
  const possible: Fault[] = []
  const lacking: Conducted['lacking'] = []
  for (const fault of faults) {
    const why = fault.lacks(world)
    if (why === null) possible.push(fault)
    else lacking.push({ name: fault.name, why })
  }
  const next = shuffled(possible, random)
  const happened: Happened[] = []
  const held: Held[] = []
  /** One that cannot be healed keeps no other from it. */
  async function healAll(): Promise<void> {
    const errors: unknown[] = []
    for (let it = held.pop(); it !== undefined; it = held.pop()) {
      try {
        await it.heal()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }

  async function strike(fault: Fault): Promise<Happened> {
    const it: Happened = { name: fault.name, atMs: world.nowMs(), recoveryMs: null }
    happened.push(it)
    const holding = await fault.begin(options)
    if (holding !== undefined) held.push(holding)
    return it
  }

  let failure: string | null = null
  let names: string[] = []
  try {
    for (const endAt = Date.now() + forMs; Date.now() < endAt; ) {
      await sleep(random.between(...calmMs))
      const fault = next()
      names = [fault.name]
      let sinceMs = performance.now()
      const struck = [await strike(fault)]
      if (fault.holdS !== undefined) {
        const holdMs = Math.min(holdMsMax, 1000 * random.between(...fault.holdS))
        await sleep(holdMs / 2)
        const others = possible.filter(
          ({ strikes, holdS }) => strikes !== fault.strikes && strikes !== 'all' && holdS === undefined,
        )
        const second = others[random.below(others.length)]
        if (second !== undefined && random.fraction() < secondChance) {
          names.push(second.name)
          struck.push(await strike(second))
        }
        await sleep(holdMs / 2)
        sinceMs = performance.now()
      }
      await healAll()
      await recover(options)
      const recoveryMs = performance.now() - sinceMs
      for (const it of struck) it.recoveryMs = recoveryMs
      say(`${names.join(', meanwhile ')}: recovered in ${(recoveryMs / 1000).toFixed(1)} s`)
    }
  } catch (error) {
    failure = `${names.join(', meanwhile ')}: ${(error as Error).message}`
    say(failure)
    await healAll().catch((error) => say(`not healed: ${(error as Error).message}`))
  }
  return { happened, lacking, failure }
}

/** Resolves when devices are heard, health is good, and what was accepted by then is decided. */
async function recover({ world: { server }, fleet, recoveryMsMax }: ConductOptions): Promise<void> {
  const acknowledged = fleet.acknowledged()
  let accepted: number | null = null
  let wanting = 'an answer'
  const isWell = async (): Promise<boolean> => {
    const { status, details } = await health(server)
    wanting = details === '' ? 'the store to take what was accepted' : details
    if (status !== 200 || workersOf(server.pid).length !== workers) return false
    if (fleet.acknowledged() <= acknowledged) return false
    const balance = await server.counters()
    accepted ??= balance.accepted
    return balance.accepted - balance.held >= accepted
  }
  try {
    await until(() => isWell().catch(() => false), 'recovery', recoveryMsMax)
  } catch {
    throw new Error(`not recovered within ${recoveryMsMax / 1000} s, wanting ${wanting}\n${server.log().slice(-3000)}`)
  }
}

/** Each once in a random order, then each again: none is missing in a short run. */
function shuffled<T>(all: T[], random: Random): () => T {
  let bag: T[] = []
  return () => {
    if (bag.length === 0) bag = [...all]
    return bag.splice(random.below(bag.length), 1)[0] as T
  }
}
