/**
 * Who may connect, and what a connection may do, in one place for every listener. Answers about topics come at once and are
 * remembered; what is not granted here is granted nowhere.
 */
import type { Logger } from 'pino'
import { type Counters, count } from '../../telemetry/counters.ts'
import type { RefusalCode } from '../../telemetry/errors.ts'
import { type Account, accountOf, isOwnClientId } from './account.ts'
import { addressGroup } from './addresses.ts'
import { type Certificate, createDeviceCredentials } from './credentials.ts'
import { noDevices } from './devices-file.ts'
import { deviceOfAccount, type Identity, isNamed, type Owner, operator } from './identity.ts'
import { createOwners } from './owners.ts'
import { type ClientRate, createClientRights } from './rights.ts'
import { createSignIn, type UserPassword } from './sign-in.ts'
import type { TopicRules } from './topic-access.ts'
import { watchDevices } from './watch-devices.ts'

/** `broker.access` of the configuration, filled in. */
export type AccessConfig = {
  /** Path of the devices file; it need not be there. */
  devices: string
  derivedKeys: string[]
  operators: UserPassword[]
  rules: TopicRules
  /** Whether clients without a user name are let in. */
  anonymous: boolean
  /** Null: as many as there may be at all. */
  connectionsPerAddress: number | null
}

/** What is needed of a connection. Identity is everything: the same object must be given each time. */
export type AccessClient = object

export type Connect = {
  username: string | undefined
  password: Buffer | undefined
  /** As the client gave it, and as it is called now: another one when it gave none. */
  givenId: string
  clientId: string
  isClean: boolean
  willTopic: string | undefined
  remoteAddress: string
  certificate: Certificate | null
  /** Ends the connection at once. */
  end: (code: RefusalCode) => void
  isOpen: () => boolean
}

export type Access = {
  /** Null: the client is granted; whatever the identifier held for others is gone then. */
  admit(client: AccessClient, connect: Connect): Promise<RefusalCode | null>
  mayPublish(client: AccessClient, topic: string): boolean
  maySubscribe(client: AccessClient, filter: string): boolean
  mayReceive(client: AccessClient, topic: string): boolean
  /** Milliseconds until a message of so many bytes may be taken; it counts as taken then. Almost always 0. */
  waitMs(client: AccessClient, bytes: number): number
  /** Whether a message of so many bytes may be taken now; it counts as taken then, and only then. */
  takesNow(client: AccessClient, bytes: number): boolean
  /** Null: nothing limits the client. */
  rateOf(client: AccessClient): ClientRate | null
  /** Null: it is not connected. */
  ownerOf(client: AccessClient): Owner | null
  /** Why the will of a client that died with an earlier broker may not be published any more; null: it may. `owner`: null: unknown. */
  willRefusal(owner: Owner | null, topic: string): RefusalCode | null
  /** The connection is gone. */
  left(client: AccessClient): void
  /** Devices that have a credential of their own, as the devices file says now. */
  expected(): Iterable<Account>
  /** Reads the devices file again when it is another. */
  reload(): Promise<void>
  close(): void
}

export type AccessOptions = {
  /** Null: no rules bind anybody, and no device has a credential of its own. */
  config: AccessConfig | null
  /** One account for all devices; null: there is none. */
  shared: UserPassword | null
  /** Owners of persistent sessions by client identifier; kept with the sessions. */
  owners: Map<string, Owner>
  discardSession: (clientId: string) => Promise<void>
  counters: Counters
  log: Logger
}

type Connection = { clientId: string; identity: Identity; end: (code: RefusalCode) => void }

const monotonicMs = () => performance.now()

/** @throws StartError when the devices file cannot be used. */
export async function createAccess(options: AccessOptions): Promise<Access> {
  const { config, shared, counters, log } = options
  const isOpenTo = (username: string | undefined) =>
    config === null ? shared === null : config.anonymous && username === undefined
  const watch = config === null ? null : await watchDevices(config.devices, () => void devicesChanged(), log)
  const devices = () => watch?.devices() ?? noDevices
  const connections = new Map<AccessClient, Connection>()
  const byClientId = new Map<string, AccessClient>()
  const credentials = createDeviceCredentials(config?.derivedKeys ?? [], devices)
  const operators = new Set(config?.operators.map(({ username }) => operator(username).account))
  const stands = (owner: Owner) =>
    deviceOfAccount(owner.account) === null
      ? !isNamed(owner) || operators.has(owner.account)
      : credentials.stands(owner)
  const owners = createOwners({
    kept: options.owners,
    stands,
    isConnected: (clientId) => byClientId.has(clientId),
    discard: options.discardSession,
  })
  const signIn = createSignIn({
    shared,
    operators: config?.operators ?? [],
    isOpenTo,
    credentials,
    devices,
    nowMs: monotonicMs,
  })
  const rights = createClientRights(config?.rules ?? null, counters, monotonicMs)

  function end(client: AccessClient, code: RefusalCode): void {
    const connection = connections.get(client)
    if (connection === undefined) return
    rights.revoke(client)
    left(client)
    count(counters.refused, code)
    log.info({ code, client: connection.clientId, account: connection.identity.account }, 'connection ended')
    connection.end(code)
  }

  function left(client: AccessClient): void {
    const connection = connections.get(client)
    if (connection === undefined) return
    connections.delete(client)
    if (byClientId.get(connection.clientId) === client) byClientId.delete(connection.clientId)
  }

  async function devicesChanged(): Promise<void> {
    for (const [client, { identity }] of connections) if (!stands(identity)) end(client, 'credential_revoked')
    await owners.discardFallen().catch((error) => log.error({ err: error }, 'a session could not be discarded'))
  }

  /** Synchronous up to its consequence, so that of two connects at once one is first. */
  async function claim(client: AccessClient, identity: Identity, connect: Connect): Promise<RefusalCode | null> {
    const { clientId, isClean } = connect
    const before = byClientId.get(clientId)
    const connected = before === undefined ? null : (connections.get(before)?.identity ?? null)
    if (owners.isForeign(clientId, identity, connected)) return 'client_id_foreign'
    if (before !== undefined && connected?.account !== identity.account) end(before, 'client_id_foreign')
    connections.set(client, { clientId, identity, end: connect.end })
    rights.grant(client, identity)
    byClientId.set(clientId, client)
    await owners.take(clientId, identity, !isClean)
    // Gone or revoked meanwhile: that was told already.
    return connections.has(client) ? null : 'abandoned'
  }

  // What changed while the broker was down counts, too.
  await owners.discardFallen()

  return {
    async admit(client, connect) {
      const identity = await signIn({
        username: connect.username,
        password: connect.password,
        address: addressGroup(connect.remoteAddress),
        certificate: config === null ? null : connect.certificate,
        isWanted: connect.isOpen,
      })
      if (typeof identity === 'string') return identity
      const { givenId, willTopic } = connect
      if (identity.device !== null && givenId !== '' && !isOwnClientId(givenId, identity.device)) {
        return 'client_id_foreign'
      }
      if (willTopic !== undefined && !rights.allows(identity, willTopic)) return 'topic_denied'
      // Gone while its password was checked: its end was told already.
      if (!connect.isOpen()) return 'abandoned'
      return claim(client, identity, connect)
    },
    mayPublish: rights.mayPublish,
    maySubscribe: rights.maySubscribe,
    mayReceive: rights.mayReceive,
    waitMs: rights.waitMs,
    takesNow: rights.takesNow,
    rateOf: rights.rateOf,
    ownerOf(client) {
      const identity = connections.get(client)?.identity
      return identity === undefined ? null : { account: identity.account, credential: identity.credential }
    },
    willRefusal(owner, topic) {
      if (owner === null) return null
      if (!stands(owner)) return 'credential_revoked'
      const name = deviceOfAccount(owner.account)
      return name === null || rights.allows({ device: accountOf(name) }, topic) ? null : 'topic_denied'
    },
    left,
    expected: () => devices().standing(),
    reload: () => watch?.reload() ?? Promise.resolve(),
    close: () => watch?.close(),
  }
}
