/**
 * What devices have in common, and how many of those that share it are silent. Kept as devices change, so that the question costs
 * nothing while thousands fall silent.
 */
import type { Factor } from '../../telemetry/alert.ts'
import { factOf } from './facts.ts'
import type { KnownDevice } from './known-device.ts'

export type Members = { silent: number; of: number }

export type Factors = {
  /** What of the device counts here has changed. */
  update(device: KnownDevice): void
  /** Devices that left by themselves are nobody's members. */
  members(factor: Factor, name: string): Members
}

type Group = { key: string; of: number; silent: number }
/** What was counted of a device. */
type Counted = { groups: Group[]; isSilent: boolean }

export function createFactors(): Factors {
  const groups = new Map<string, Group>()
  const counted = new Map<KnownDevice, Counted>()

  function leave(device: KnownDevice, { groups: left, isSilent }: Counted): void {
    for (const group of left) {
      group.of--
      if (isSilent) group.silent--
      if (group.of === 0) groups.delete(group.key)
    }
    counted.delete(device)
  }

  function join(device: KnownDevice, keys: string[], isSilent: boolean): void {
    const joined = keys.map(groupOf)
    for (const group of joined) {
      group.of++
      if (isSilent) group.silent++
    }
    counted.set(device, { groups: joined, isSilent })
  }

  function groupOf(key: string): Group {
    let group = groups.get(key)
    if (group === undefined) {
      group = { key, of: 0, silent: 0 }
      groups.set(key, group)
    }
    return group
  }

  return {
    update(device) {
      const before = counted.get(device)
      const hasLeft = device.state === 'offline' && !device.isAlerting
      const isSilent = device.isAlerting || device.state === 'late'
      const keys = hasLeft ? [] : factorsOf(device).map(([factor, name]) => `${factor} ${name}`)
      if (before?.isSilent === isSilent && isSame(before.groups, keys)) return
      if (before !== undefined) leave(device, before)
      if (keys.length > 0) join(device, keys, isSilent)
    },
    members(factor, name) {
      const group = groups.get(`${factor} ${name}`)
      return { silent: group?.silent ?? 0, of: group?.of ?? 0 }
    },
  }
}

const isSame = (groups: Group[], keys: string[]) =>
  groups.length === keys.length && groups.every(({ key }, i) => key === keys[i])

/** The gateway is a level of the topic, or else the client that speaks for the device, if it is not named as the device is. */
export function factorsOf(device: KnownDevice): Array<readonly [Factor, string]> {
  const { site, gateway, client, facts } = device
  const through = gateway === '' && client !== device.device ? client : gateway
  const firmware = factOf(facts, 'firmware')
  const network = networkOf(device.address)
  return [
    ...(site === '' ? [] : [['site', site] as const]),
    ...(through === '' ? [] : [['gateway', through] as const]),
    ...(firmware === undefined ? [] : [['firmware', String(firmware.value)] as const]),
    ...(network === '' ? [] : [['network', network] as const]),
    ['ourselves', ''] as const,
  ]
}

/** What one router or carrier usually holds: a /24 of IPv4, a /48 of IPv6. Our own machine is no network that could fail. */
function networkOf(address: string): string {
  if (/^(::ffff:)?127\.|^::1$/.test(address)) return ''
  const [, v4] = /^(?:::ffff:)?(\d+\.\d+\.\d+)\.\d+$/.exec(address) ?? []
  if (v4 !== undefined) return `${v4}.0/24`
  return address.includes(':') ? `${address.split(':').slice(0, 3).join(':')}::/48` : ''
}
