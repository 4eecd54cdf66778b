/**
 * Who is it? Cheap answers come first: accounts of the configuration, derived passwords, remembered ones. Only what is left
 * is held against a hash. Unknown names get the same answer as wrong passwords, at the same price.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RefusalCode } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import { accountName, accountOf } from './account.ts'
import { createAttempts } from './attempts.ts'
import { type Certificate, certificateAccount, type DeviceCredentials } from './credentials.ts'
import { type Devices, hashOf } from './devices-file.ts'
import { anonymous, type Identity, operator, shared } from './identity.ts'
import { costOf } from './password.ts'
import { createPasswordChecks } from './password-checks.ts'

export type UserPassword = { username: string; password: string }

export type SignIn = {
  username: string | undefined
  password: Buffer | undefined
  /** Of the peer, as addressGroup() gives it. */
  address: string
  certificate: Certificate | null
  /** false once the connection is gone: nothing more is done for it. */
  isWanted: () => boolean
}

export type SignInOptions = {
  shared: UserPassword | null
  operators: UserPassword[]
  /** Whether a client is let in whatever its password is; undefined: it gave no user name. */
  isOpenTo: (username: string | undefined) => boolean
  credentials: DeviceCredentials
  devices: () => Devices
  nowMs: () => number
}

const digest = (text: string | Buffer) => createHash('sha256').update(text).digest()

/** In constant time, whatever the lengths. */
function isAccount(wanted: UserPassword, username: string, password: Buffer): boolean {
  const isUser = timingSafeEqual(digest(wanted.username), digest(username))
  const isPassword = timingSafeEqual(digest(wanted.password), digest(password))
  return isUser && isPassword
}

const nothing = Buffer.alloc(0)

export function createSignIn(options: SignInOptions): (signIn: SignIn) => Promise<Identity | RefusalCode> {
  const { credentials, devices, nowMs } = options
  const byName = createAttempts({
    free: limits.attemptsFreePerName,
    waitMsMax: limits.attemptsWaitMsMaxPerName,
    nowMs,
  })
  const byAddress = createAttempts({
    free: limits.attemptsFreePerAddress,
    waitMsMax: limits.attemptsWaitMsMaxPerAddress,
    nowMs,
  })
  const checks = createPasswordChecks()

  function configured(username: string, password: Buffer): Identity | null {
    let found: Identity | null = null
    if (options.shared !== null && isAccount(options.shared, username, password)) found = shared
    for (const it of options.operators) if (isAccount(it, username, password)) found = operator(it.username)
    return found
  }

  /** What can be told without a hash. */
  function known(username: string, password: Buffer): Identity | null {
    const account = accountOf(username)
    const entry = account === null ? null : credentials.find(account)
    const derived = account === null || entry !== null ? null : credentials.derived(account, password)
    const isRemembered = entry !== null && !entry.revoked && checks.isRemembered(entry.credential, password)
    return configured(username, password) ?? derived ?? (isRemembered ? credentials.ofEntry(entry) : null)
  }

  return async ({ username, password = nothing, address, certificate, isWanted }) => {
    if (certificate !== null && isOf(certificate, username))
      return credentials.certified(certificate) ?? 'credential_revoked'
    if (options.isOpenTo(username)) return anonymous
    const name = username ?? ''
    const who = `${address} ${name}`
    // Not even a right guess counts while it waits: else waiting would cost a guesser nothing.
    if (byName.waitMs(who) > 0) return 'too_many_attempts'
    const identity = known(name, password)
    if (identity !== null) {
      byName.forgive(who)
      return identity
    }
    // Counted before it is checked, so that guesses side by side are no cheaper.
    byName.failed(who)
    if (byAddress.waitMs(address) > 0) return 'too_many_attempts'

    const answerAtMs = nowMs() + limits.wrongPasswordAnswerMsMin
    const account = accountOf(name)
    const entry = account === null ? null : credentials.find(account)
    const { dearest } = devices()
    if (dearest !== null) {
      const hash = (entry === null ? null : hashOf(entry)) ?? dearest
      const isRight = await checks.check(address, password, hash, isWanted)
      if (isRight === null) return 'too_many_attempts'
      // It may have been revoked meanwhile.
      if (isRight && account !== null && entry !== null && credentials.find(account)?.password === entry.password) {
        checks.remember(entry.credential, password)
        byName.forgive(who)
        return credentials.ofEntry(entry)
      }
      // Every wrong password takes as long as that of a stranger.
      if (costOf(hash) < costOf(dearest)) await checks.check(address, password, dearest, isWanted)
    }
    byAddress.failed(address)
    await sleep(Math.max(0, answerAtMs - nowMs()))
    return entry?.revoked ? 'credential_revoked' : 'bad_credentials'
  }
}

/** A client with a certificate may still sign in as somebody else, by name and password. */
function isOf(certificate: Certificate, username: string | undefined): boolean {
  const account = certificateAccount(certificate)
  return username === undefined || (account !== null && username === accountName(account))
}
