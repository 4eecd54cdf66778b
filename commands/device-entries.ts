/** New entries of the devices file. */
import { randomBytes } from 'node:crypto'
import { type Account, accountName, accountOf } from '../broker/access/account.ts'
import type { DeviceEntry, Devices } from '../broker/access/devices-file.ts'
import { generatePassword, hashPassword } from '../broker/access/password.ts'
import type { Access } from '../config/load.ts'
import { StartError } from '../telemetry/errors.ts'
import { topicPattern } from '../telemetry/topic.ts'

const now = () => `${new Date().toISOString().slice(0, 19)}Z`
const newCredential = () => randomBytes(9).toString('base64url')

export type NewDevice = { entry: DeviceEntry; password: string }

/** `chosen`: null: a password is made up. */
export async function newDevice({ site, device }: Account, chosen: string | null): Promise<NewDevice> {
  const password = chosen ?? generatePassword()
  const hash = await hashPassword(password, chosen === null)
  return {
    entry: { device, site, credential: newCredential(), created: now(), password: hash, revoked: null },
    password,
  }
}

/**
 * Kept in the file, so that neither its password nor a derived one nor a certificate lets it in again.
 * @throws StartError when several sites have a device of the name
 */
export function revokedDevice(devices: Devices, account: Account): DeviceEntry {
  const known = devices.find(account)
  if (known === null && account.site === null) {
    const others = [...devices.entries()].filter((entry) => entry.device === account.device).map(accountName)
    if (others.length > 0) throw new StartError(`${account.device}: which one of ${others.join(', ')}?`)
  }
  const { device, site, created } = known ?? { ...account, created: now() }
  return { device, site, credential: newCredential(), created, password: null, revoked: now() }
}

/** `NAME`, `SITE/NAME`, or `NAME` with a site beside it. @throws StartError */
export function parseAccount(name: string, site: string | undefined): Account {
  const account = accountOf(site === undefined ? name : `${site}/${name}`)
  if (account !== null) return account
  const given = site === undefined ? `"${name}"` : `"${name}" of the site "${site}"`
  throw new StartError(
    `${given} given, a name like gauge-7 or home/gauge-7 without + # \\ and control characters wanted`,
  )
}

/** A device without a site may do nothing where every rule names {site}. */
export function assertUsable(account: Account, access: Access | null): void {
  if (account.site !== null || access === null) return
  const { publish, subscribe } = access.rules
  if ([...publish, ...subscribe].some((rule) => !topicPattern(rule).names.includes('site'))) return
  const name = accountName(account)
  throw new StartError(`${name}: every rule of broker.access names {site}: give it one, SITE/${name} or --site SITE`)
}
