/**
 * Whose a client identifier is, with the session behind it: no device takes over the connection or the session of another
 * account, and a new credential never finds what an old one left.
 */
import { limits } from '../../telemetry/limits.ts'
import { accountName, accountOf } from './account.ts'
import { deviceOfAccount, type Identity, isNamed, type Owner } from './identity.ts'

export type OwnersOptions = {
  /** Owners of persistent sessions by client identifier, of devices and operators; as durable as the sessions are. */
  kept: Map<string, Owner>
  stands: (owner: Owner) => boolean
  isConnected: (clientId: string) => boolean
  /** Forgets subscriptions, queued messages and all else of the session. */
  discard: (clientId: string) => Promise<void>
}

export type Owners = {
  /** Whether the identifier is another's; `connected`: who is connected by it now. */
  isForeign(clientId: string, identity: Identity, connected: Identity | null): boolean
  /**
   * The identifier is the identity's from now on, with its session when it is persistent. Resolves when nothing is left
   * of what stood there and may not be gone on with.
   */
  take(clientId: string, identity: Identity, isPersistent: boolean): Promise<void>
  /** Discards the sessions whose owners do not stand any more. */
  discardFallen(): Promise<void>
}

/** Named exactly so: stronger than `gauge-7-2` for a device `gauge-7`. */
function isExact(clientId: string, { account }: Owner): boolean {
  const name = deviceOfAccount(account)
  const device = name === null ? null : accountOf(name)
  return device !== null && (clientId === device.device || clientId === accountName(device))
}

export function createOwners({ kept, stands, isConnected, discard }: OwnersOptions): Owners {
  const discarding = new Map<string, Promise<void>>()
  /** Identifiers of each account's sessions, the oldest first. */
  const sessions = new Map<string, string[]>()
  const add = (account: string, clientId: string) => {
    const ids = sessions.get(account)
    if (ids === undefined) sessions.set(account, [clientId])
    else if (!ids.includes(clientId)) ids.push(clientId)
  }
  for (const [clientId, { account }] of kept) add(account, clientId)

  function forget(clientId: string): void {
    const account = kept.get(clientId)?.account
    if (account === undefined) return
    kept.delete(clientId)
    const rest = sessions.get(account)?.filter((it) => it !== clientId) ?? []
    if (rest.length > 0) sessions.set(account, rest)
    else sessions.delete(account)
  }

  /** One after the other, so that an older one cannot end in the midst of a newer session. */
  function discardSession(clientId: string): Promise<void> {
    forget(clientId)
    const done = (discarding.get(clientId) ?? Promise.resolve()).then(() => discard(clientId))
    discarding.set(clientId, done)
    return done.finally(() => {
      if (discarding.get(clientId) === done) discarding.delete(clientId)
    })
  }

  function isStale(clientId: string, identity: Identity, isPersistent: boolean): boolean {
    const owner = kept.get(clientId)
    // What a clean session finds of nobody's, aedes drops by itself.
    if (owner === undefined) return (isPersistent && isNamed(identity)) || discarding.has(clientId)
    if (owner.account !== identity.account) return true
    // As long as a derived key stands beside its successor, what it began goes on.
    return owner.credential !== identity.credential && !stands(owner)
  }

  return {
    isForeign(clientId, identity, connected) {
      return [connected, kept.get(clientId)].some((other) => {
        if (!other || other.account === identity.account || !stands(other)) return false
        // A fleet that moves from one shared account to its own takes its identifiers along.
        if (!isNamed(other)) return false
        return isExact(clientId, other) || !isExact(clientId, identity)
      })
    },
    async take(clientId, identity, isPersistent) {
      const isGoingOn = !isStale(clientId, identity, isPersistent)
      const done = isGoingOn ? Promise.resolve() : discardSession(clientId)
      forget(clientId)
      if (isPersistent && isNamed(identity)) {
        const { account, credential } = identity
        kept.set(clientId, { account, credential })
        add(account, clientId)
        // Sessions that expired have left by themselves.
        const stays = sessions.get(account)?.filter((it) => kept.has(it)) ?? []
        sessions.set(account, stays)
        const surplus = stays.length > limits.sessionsPerAccountMax ? stays.find((it) => !isConnected(it)) : undefined
        if (surplus !== undefined) await discardSession(surplus)
      }
      await done
    },
    async discardFallen() {
      const fallen = [...kept].filter(([, owner]) => !stands(owner))
      await Promise.all(fallen.map(([clientId]) => discardSession(clientId)))
    },
  }
}
