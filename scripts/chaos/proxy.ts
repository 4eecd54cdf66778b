/** A TCP proxy before the broker or the store that can be cut, go half-open, or be slow. Order and backpressure are kept. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type LinkProxy = {
  readonly port: number
  /** Every connection breaks, and so does each new one. */
  cut(): void
  /** Half-open: what either end sends is gone, and neither is told. */
  freeze(): void
  /** Each piece of data comes so much later. */
  slow(delayMs: number): void
  /**
   * As it should be. Connections that were half-open break for the client; the server must find out by itself, as when a
   * network forgets them.
   */
  heal(): void
  close(): Promise<void>
}

type Mode = { name: 'open'; delayMs: number } | { name: 'cut' } | { name: 'frozen' }

export async function startProxy(targetPort: number): Promise<LinkProxy> {
  let mode: Mode = { name: 'open', delayMs: 0 }
  const clients = new Set<Socket>()
  const all = new Set<Socket>()
  /** Clients of half-open connections: their end is not told to the server, whenever it comes. */
  const forgotten = new WeakSet<Socket>()

  const track = (socket: Socket, sockets: Set<Socket>) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // Why a connection ended is nothing to a proxy: 'close' follows, and ends the other side.
    socket.on('error', () => {})
  }

  function forward(from: Socket, to: Socket): void {
    from.on('data', (bytes) => {
      if (mode.name !== 'open') return
      from.pause()
      const pass = () => {
        if (mode.name !== 'open' || to.destroyed || to.write(bytes)) from.resume()
        else to.once('drain', () => from.resume())
      }
      if (mode.delayMs === 0) pass()
      else setTimeout(pass, mode.delayMs)
    })
    from.once('close', () => {
      if (mode.name !== 'frozen' && !forgotten.has(from)) to.destroySoon()
    })
  }

  const server = createServer({ noDelay: true }, (client) => {
    track(client, clients)
    track(client, all)
    if (mode.name === 'cut') return void client.destroy()
    // To a frozen link there is no way in: the client waits, as for a SYN that nobody answers.
    if (mode.name === 'frozen') return void client.resume()
    const upstream = connect({ port: targetPort, host: '127.0.0.1', noDelay: true })
    track(upstream, all)
    forward(client, upstream)
    forward(upstream, client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      mode = { name: 'cut' }
      for (const socket of all) socket.destroy()
    },
    freeze() {
      mode = { name: 'frozen' }
    },
    slow(delayMs) {
      mode = { name: 'open', delayMs }
    },
    heal() {
      if (mode.name === 'frozen') {
        for (const client of clients) {
          forgotten.add(client)
          client.destroy()
        }
      }
      mode = { name: 'open', delayMs: 0 }
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of all) socket.destroy()
      await closed
    },
  }
}
