/** Connections per address. What counts as one: an IPv4 address, or a /64 of IPv6, which is what one subscriber gets. */
import { isIPv6 } from 'node:net'

export function addressGroup(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (!isIPv6(plain)) return plain
  const [head = '', tail = ''] = plain.replace(/%.*$/, '').split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === '' ? [] : tail.split(':')
  const middle = plain.includes('::') ? new Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0') : []
  const prefix = [...front, ...middle, ...back].slice(0, 4)
  return `${prefix.map((part) => Number.parseInt(part, 16).toString(16)).join(':')}::/64`
}

export type AddressCount = {
  /** false when the address has as many connections as it may; true counts one. */
  enter(group: string): boolean
  leave(group: string): void
}

export function createAddressCount(max: number): AddressCount {
  const open = new Map<string, number>()
  return {
    enter(group) {
      const count = open.get(group) ?? 0
      if (count >= max) return false
      open.set(group, count + 1)
      return true
    },
    leave(group) {
      const count = open.get(group) ?? 0
      if (count > 1) open.set(group, count - 1)
      else open.delete(group)
    },
  }
}
