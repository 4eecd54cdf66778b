/**
 * What a device can sign in with, and whether it still counts. A device with a line in the devices file has that
 * password and no other; one without may have a derived one. A certificate counts unless its device was revoked.
 */
import { timingSafeEqual } from 'node:crypto'
import { type Account, accountName, accountOf } from './account.ts'
import type { DeviceEntry, Devices } from './devices-file.ts'
import { deviceAccount, deviceOfAccount, type Identity, type Owner } from './identity.ts'
import { derivedPassword, keyName } from './password.ts'

/** Of a client certificate that the listener has verified. */
export type Certificate = { commonName: string; subjectAltNames: string[] }

export type DeviceCredentials = {
  find(account: Account): DeviceEntry | null
  ofEntry(entry: DeviceEntry): Identity
  /** Null when the password is derived from none of the keys. */
  derived(account: Account, password: Buffer): Identity | null
  /** Null when it names no device, or one that was revoked. */
  certified(certificate: Certificate): Identity | null
  /** Whether what it signed in with still counts; always for others than devices. */
  stands(owner: Owner): boolean
}

const certified = 'certificate'
const identity = (account: Account, credential: string): Identity => {
  const { device, site } = account
  return { kind: 'device', account: deviceAccount(accountName(account)), credential, device: { device, site } }
}

const isEqual = (a: Buffer, b: Buffer) => a.length === b.length && timingSafeEqual(a, b)

export function createDeviceCredentials(derivedKeys: string[], devices: () => Devices): DeviceCredentials {
  const keys = derivedKeys.map((key) => ({ key, name: `derived ${keyName(key)}` }))
  const find = (account: Account) => devices().find(account)

  return {
    find,
    ofEntry: (entry) => identity(entry, entry.credential),
    derived(account, password) {
      let found: Identity | null = null
      for (const { key, name } of keys) {
        const wanted = Buffer.from(derivedPassword(key, accountName(account)))
        if (isEqual(password, wanted)) found ??= identity(account, name)
      }
      return found
    },
    certified(certificate) {
      const account = certificateAccount(certificate)
      if (account === null) return null
      const entry = find(account)
      return entry?.revoked ? null : identity(entry ?? account, `${certified} ${entry?.credential ?? ''}`.trimEnd())
    },
    stands({ account: name, credential }) {
      const account = accountOf(deviceOfAccount(name) ?? '')
      if (account === null) return true
      const entry = find(account)
      if (entry?.revoked) return false
      if (credential.startsWith(certified)) return credential === `${certified} ${entry?.credential ?? ''}`.trimEnd()
      return entry === null ? keys.some((key) => key.name === credential) : entry.credential === credential
    },
  }
}

/** The common name, or where there is none the first alternative name that can be a device's. */
export function certificateAccount({ commonName, subjectAltNames }: Certificate): Account | null {
  if (commonName !== '') return accountOf(commonName)
  for (const name of subjectAltNames) {
    const account = accountOf(name.replace(/^(DNS|URI|email):/, ''))
    if (account !== null) return account
  }
  return null
}
