/** Addresses as the configuration file writes them, and which of them only this machine can reach. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

export type Address = { host: string; port: number }

/** `path`: of WebSockets; the others have none. */
export type ListenAddress = Address & { scheme: 'mqtt' | 'mqtts' | 'ws' | 'wss'; path: string }

const portOf = { mqtt: 1883, mqtts: 8883, ws: 8083, wss: 8084 }

/** `mqtt://host`, `mqtts://host:port`, `ws://host:port/path`, where /mqtt is the path that is left out; null when it is none. */
export function listenAddress(text: string): ListenAddress | null {
  const [, scheme, authority = '', path = ''] = /^(mqtts?|wss?):\/\/([^/]*)(\/[\w./~-]*)?$/.exec(text) ?? []
  if (!isScheme(scheme)) return null
  const isWebSocket = scheme === 'ws' || scheme === 'wss'
  const found = isWebSocket || path === '' ? address(authority, portOf[scheme]) : null
  return found === null ? null : { scheme, ...found, path: isWebSocket && path.length < 2 ? '/mqtt' : path }
}

const isScheme = (text: string | undefined): text is keyof typeof portOf => text !== undefined && text in portOf

/** Of a broker to connect to: `mqtt://host`, or `mqtts://host` for TLS; null when it is none. */
export function sourceAddress(text: string): Address | null {
  const [, scheme, authority = ''] = /^(mqtts?):\/\/(.*)$/.exec(text) ?? []
  return isScheme(scheme) ? address(authority, portOf[scheme]) : null
}

/** `host:port`; null when it is none. */
export const httpAddress = (text: string): Address | null => address(text, null)

/** Port 0 lets the system choose: tests and a second instance need it. */
function address(text: string, portDefault: number | null): Address | null {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const port = digits === undefined ? portDefault : Number(digits)
  if (port === null || port > 65_535) return null
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : null
  return plain !== undefined && isHost(plain) ? { host: plain, port } : null
}

/** Digits and dots alone are an IPv4 address or a slip of the pen, never a name. */
function isHost(host: string): boolean {
  return /^[\d.]+$/.test(host) ? isIPv4(host) : /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(host)
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether only this machine can connect. A name other than localhost may resolve to anything, so it does not count. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return loopback.check(host, 'ipv4')
  if (isIPv6(host)) return loopback.check(host, 'ipv6')
  return host.toLowerCase() === 'localhost'
}
