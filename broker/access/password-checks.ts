/**
 * Checks passwords against their hashes, few at a time, off the main thread. The threads are the journal's too: a flood of
 * wrong passwords must leave it some. Addresses take turns, so that a flood from one waits behind itself.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { limits } from '../../telemetry/limits.ts'
import { matchesHash, type PasswordHash } from './password.ts'

type Job = { run: () => Promise<void>; drop: () => void }

export type PasswordChecks = {
  /** Null: there was no room for the check, or nobody waits for it any more. */
  check(address: string, password: Buffer, hash: PasswordHash, isWanted: () => boolean): Promise<boolean | null>
  /** A password that was right once costs no second check. */
  remember(credential: string, password: Buffer): void
  isRemembered(credential: string, password: Buffer): boolean
}

/** Half of the cores at most, and of Node's four threads. */
const atOnce = Math.max(1, Math.min(limits.passwordChecksAtOnce, availableParallelism() >> 1))

export function createPasswordChecks(): PasswordChecks {
  const queues = new Map<string, Job[]>()
  let waiting = 0
  let running = 0

  function next(): void {
    while (running < atOnce) {
      const [first] = queues
      if (first === undefined) return
      const [address, jobs] = first
      const job = jobs.shift() as Job
      queues.delete(address)
      if (jobs.length > 0) queues.set(address, jobs)
      waiting--
      running++
      void job.run().finally(() => {
        running--
        next()
      })
    }
  }

  /** When all places are taken, the address that takes most of them gives one up. */
  function makeRoom(address: string): boolean {
    if (waiting < limits.passwordChecksWaitingMax) return true
    let [longest, jobs] = [address, queues.get(address) ?? []]
    for (const [it, others] of queues) if (others.length > jobs.length) [longest, jobs] = [it, others]
    if (longest === address) return false
    jobs.pop()?.drop()
    waiting--
    return true
  }

  // Only this process can make use of what is remembered.
  const key = randomBytes(32)
  const remembered = new Map<string, string>()
  const digest = (credential: string, password: Buffer) =>
    createHmac('sha256', key).update(credential).update('\0').update(password).digest('base64url')

  return {
    check(address, password, hash, isWanted) {
      if (!makeRoom(address)) return Promise.resolve(null)
      return new Promise((resolve) => {
        const run = async () => {
          resolve(isWanted() ? await matchesHash(password, hash).catch(() => false) : null)
        }
        const jobs = queues.get(address) ?? []
        queues.set(address, jobs)
        jobs.push({ run, drop: () => resolve(null) })
        waiting++
        next()
      })
    },
    remember(credential, password) {
      remembered.delete(credential)
      remembered.set(credential, digest(credential, password))
      if (remembered.size <= limits.passwordsRememberedMax) return
      const [oldest] = remembered.keys()
      if (oldest !== undefined) remembered.delete(oldest)
    },
    // Digests under a secret key tell nothing by where they differ.
    isRemembered: (credential, password) => remembered.get(credential) === digest(credential, password),
  }
}
