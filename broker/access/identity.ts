/** Who an admitted client is. */
import type { Account } from './account.ts'

/** Plain data: it is kept with a session. */
export type Owner = {
  /** One name for each account: `device home/gauge-7`, `operator ann`, `shared`, `anonymous`. */
  account: string
  /** By what it signed in: an entry of the devices file, a derived key, a certificate; '' for other accounts. */
  credential: string
}

export type Identity = Owner & {
  /** `open`: whom no rules bind, since none are configured for it: anonymous clients and the shared account. */
  kind: 'device' | 'operator' | 'open'
  /** Null for everybody but devices. */
  device: Account | null
}

export const anonymous: Identity = { kind: 'open', account: 'anonymous', credential: '', device: null }
export const shared: Identity = { kind: 'open', account: 'shared', credential: '', device: null }
const operatorPrefix = 'operator '
export const operator = (name: string): Identity => ({
  kind: 'operator',
  account: `${operatorPrefix}${name}`,
  credential: '',
  device: null,
})

const devicePrefix = 'device '
export const deviceAccount = (name: string): string => `${devicePrefix}${name}`
/** The user name of a device's account; null for other accounts. */
export const deviceOfAccount = (account: string): string | null =>
  account.startsWith(devicePrefix) ? account.slice(devicePrefix.length) : null

/** Whether it is one device or one person, and not everybody. */
export const isNamed = ({ account }: Owner): boolean =>
  account.startsWith(devicePrefix) || account.startsWith(operatorPrefix)
