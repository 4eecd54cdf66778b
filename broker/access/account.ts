/** User names as devices: `gauge-7`, or `home/gauge-7` with the site before the device. Both become levels of topics. */
import { limits } from '../../telemetry/limits.ts'
import { isTagValue } from '../../telemetry/topic.ts'
import { isBroken } from '../../telemetry/topic-rules.ts'

export type Account = { site: string | null; device: string }

/** A level that a name fills in must stay one level, and that text: a device `+` would be every device. */
export const isLevelName = (name: string): boolean =>
  isTagValue(name) && !/[/+#]/.test(name) && !isBroken(name) && Buffer.byteLength(name) <= limits.deviceNameBytesMax

/** Null when the name can be no device's. */
export function accountOf(userName: string): Account | null {
  const levels = userName.split('/')
  if (levels.length > 2 || !levels.every(isLevelName)) return null
  const [first, second] = levels as [string, string?]
  return second === undefined ? { site: null, device: first } : { site: first, device: second }
}

export const accountName = ({ site, device }: Account): string => (site === null ? device : `${site}/${device}`)

/**
 * Whether a device may connect by the client identifier: its device's name or whole user name, or one of these, then
 * anything that begins with neither a letter nor a digit. So `gauge-7` may be `gauge-7_ab12`, and never `gauge-71`.
 */
export function isOwnClientId(clientId: string, account: Account): boolean {
  return [account.device, accountName(account)].some(
    (name) => clientId.startsWith(name) && !/^[\p{L}\p{N}]/u.test(clientId.slice(name.length)),
  )
}
