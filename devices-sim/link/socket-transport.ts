/** MQTT over real sockets: a connection for each device, or some that all of them share as they would share gateways. */
import type { Connection, ConnectionEvents, ConnectOptions, Transport } from '../transport.ts'
import { type BrokerAddress, brokerAddress } from './broker-address.ts'
import { type MqttSocket, openMqttSocket } from './mqtt-socket.ts'
import { createSharedTransport } from './shared-transport.ts'

/** So many connect at once: more would measure the backlog of accept() and nothing else. */
const connectingMax = 200

/**
 * @param url mqtt://user:password@host:port
 * @param connections null: each device has its own. Else so many carry all of them: births are published, wills are not possible,
 *   and a connection that breaks breaks it for all whom it carries.
 */
export function createSocketTransport({ url, connections }: { url: string; connections: number | null }): Transport {
  const own = createOwnTransport(brokerAddress(url))
  return connections === null ? own : createSharedTransport(own, connections)
}

type Waiting = { open: () => void; isDropped: boolean }

function createOwnTransport(address: BrokerAddress): Transport {
  const sockets = new Set<MqttSocket>()
  const queue: Waiting[] = []
  let connecting = 0

  function openNext(): void {
    while (connecting < connectingMax) {
      const next = queue.shift()
      if (next === undefined) return
      if (!next.isDropped) next.open()
    }
  }

  function open(options: ConnectOptions, events: ConnectionEvents): Connection {
    let socket: MqttSocket | null = null
    let isConnecting = false
    const settled = () => {
      if (!isConnecting) return
      isConnecting = false
      connecting--
      openNext()
    }
    const gone = () => {
      if (socket !== null) sockets.delete(socket)
      settled()
    }
    const waiting: Waiting = {
      isDropped: false,
      open() {
        isConnecting = true
        connecting++
        socket = openMqttSocket(address, options, {
          connected(sessionPresent) {
            settled()
            events.connected(sessionPresent)
          },
          acknowledged: (packetId) => events.acknowledged(packetId),
          message: (topic, payload) => events.message(topic, payload),
          ponged: () => events.ponged(),
          closed(why, detail) {
            gone()
            events.closed(why, detail)
          },
        })
        sockets.add(socket)
      },
    }
    if (connecting < connectingMax) waiting.open()
    else queue.push(waiting)
    return {
      publish: (packet) => socket?.publish(packet),
      subscribe: (filter, qos) => socket?.subscribe(filter, qos),
      ping: () => socket?.ping(),
      end: () => (socket === null ? drop() : socket.end()),
      drop,
    }

    function drop(): void {
      waiting.isDropped = true
      socket?.drop()
      gone()
    }
  }

  return {
    open,
    async close() {
      for (const waiting of queue.splice(0)) waiting.isDropped = true
      await Promise.all([...sockets].map((socket) => socket.close()))
    },
  }
}
