/** The wire between one device and the broker. Pulled out, the broker sees a broken connection and no DISCONNECT. */
import { createConnection, Socket } from 'node:net'

export type Link = {
  /** A socket to the broker; one that closes at once while the link is unplugged. */
  open(): Socket
  unplug(): void
  plug(): void
  isPlugged(): boolean
}

export function createLink(url: string): Link {
  const { hostname, port } = new URL(url)
  // URL keeps the brackets of an IPv6 address, net wants none.
  const host = hostname.replace(/^\[|\]$/g, '')
  let isPlugged = true
  let socket: Socket | undefined
  return {
    open() {
      socket = isPlugged
        ? createConnection({ host, port: Number(port || 1883), noDelay: true })
        : new Socket().destroy()
      return socket
    },
    unplug() {
      isPlugged = false
      socket?.destroy()
    },
    plug() {
      isPlugged = true
    },
    isPlugged: () => isPlugged,
  }
}

/** User name and password of an MQTT URL, as MQTT.js takes them. */
export function credentials(url: string): { username?: string; password?: string } {
  const { username, password } = new URL(url)
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
}
