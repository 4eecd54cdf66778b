/** An MQTT 3.1.1 client as small as can be: a real socket, packets out, answers in. Nobody tries again here. */
import { createConnection, type Socket } from 'node:net'
import mqtt, { type Packet } from 'mqtt-packet'
import type { Connection, ConnectionEvents, ConnectOptions } from '../transport.ts'
import type { BrokerAddress } from './broker-address.ts'

export type MqttSocket = Connection & { close(): Promise<void> }

export function openMqttSocket(address: BrokerAddress, options: ConnectOptions, events: ConnectionEvents): MqttSocket {
  const { host, port, username, password } = address
  const socket: Socket = createConnection({ host, port, noDelay: true })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const parser = mqtt.parser({ protocolVersion: 4 })
  let isUp = false
  let isEnding = false
  let isDropped = false
  let isCorked = false
  let detail = 'the server closed the connection'

  /** All packets of a turn of the event loop leave by one write. */
  function send(packet: Packet): void {
    if (!socket.writable) return
    if (!isCorked) {
      isCorked = true
      socket.cork()
      process.nextTick(() => {
        isCorked = false
        socket.uncork()
      })
    }
    mqtt.writeToStream(packet, socket)
  }

  const { clientId, keepAliveS, clean, will } = options
  send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId,
    clean,
    keepalive: keepAliveS,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: Buffer.from(password) }),
    ...(will !== undefined && { will: { ...will, payload: Buffer.from(will.payload) } }),
  })

  parser.on('packet', (packet: Packet) => {
    if (isDropped) return
    if (packet.cmd === 'connack') {
      isUp = packet.returnCode === 0
      if (isUp) return events.connected(packet.sessionPresent)
      detail = `the server refuses with return code ${packet.returnCode}`
      socket.destroy()
    } else if (packet.cmd === 'puback') events.acknowledged(packet.messageId as number)
    else if (packet.cmd === 'pingresp') events.ponged()
    else if (packet.cmd === 'publish') {
      if (packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId as number })
      events.message(packet.topic, Buffer.from(packet.payload))
    }
  })
  parser.on('error', (error: Error) => socket.destroy(error))
  socket.on('data', (bytes) => parser.parse(bytes))
  socket.on('error', (error) => {
    detail = error.message || String((error as NodeJS.ErrnoException).code)
  })
  socket.on('close', () => {
    if (!isDropped) events.closed(isEnding ? 'ended' : isUp ? 'lost' : 'refused', detail)
  })

  return {
    publish: ({ packetId, ...packet }) =>
      send({ cmd: 'publish', ...packet, ...(packet.qos === 1 && { messageId: packetId }) }),
    // PUBACKs are looked for by the identifiers of publishes only.
    subscribe: (topic, qos) => send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] }),
    ping: () => send({ cmd: 'pingreq' }),
    end() {
      isEnding = true
      send({ cmd: 'disconnect' })
      socket.end()
    },
    drop() {
      isDropped = true
      socket.destroy()
    },
    close() {
      if (!socket.writableEnded) socket.destroy()
      return closed
    },
  }
}
