/** Where a broker is, and by which account it is asked. */
export type BrokerAddress = { host: string; port: number; username?: string; password?: string }

/** @param url mqtt://user:password@host:port */
export function brokerAddress(url: string): BrokerAddress {
  const { hostname, port, username, password } = new URL(url)
  return {
    // URL keeps the brackets of an IPv6 address, net wants none.
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 1883),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
}
