/**
 * One connection to the broker of a source. The promise: PUBACK (QoS 1) and PUBREC (QoS 2) leave only after take()
 * resolved, and at most `inFlightMax` messages wait for that; then nothing more is read from the socket.
 *
 * MQTT.js 5.16 takes one message after the other, so a message whose acknowledgement is held back (customHandleAcks,
 * MQTT 5 only) holds up the next, and each would cost a sync of its own. Instead its handleMessage() answers with an
 * error, on which it goes on without acknowledging, and the PUBACK is sent from here. MQTT.js is pinned exactly, since
 * _sendPacket carries no promise; source.test.ts fails when one of the two changes.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  connect,
  type IClientOptions,
  type IConnackPacket,
  type IPublishPacket,
  type MqttClient,
  ReasonCodes,
  Store,
} from 'mqtt'
import { limits } from '../telemetry/limits.ts'
import type { Source } from '../telemetry/source.ts'

export type LinkOptions = {
  source: Source
  version: 4 | 5
  inFlightMax: number
  keepAliveS: number
  /** The broker granted the connection; no message comes before. */
  onGranted: () => void
  /** Resolves when the message may be acknowledged; when it rejects, the broker keeps it. */
  take: (packet: IPublishPacket) => Promise<void>
}

export type LinkEnd = { why: string; isVersionRefused: boolean }

export type Link = {
  client: MqttClient
  /** Resolves when the broker granted the connection; null: it ended before. */
  opened: Promise<IConnackPacket | null>
  ended: Promise<LinkEnd>
  /** Takes nothing more, acknowledges what was taken, and leaves. The broker keeps the session. */
  close(): Promise<void>
  /** Ends it at once, acknowledging nothing more. */
  destroy(why: string): void
}

const closeMsMax = 1_000
/** CONNACK of a broker that knows only older versions [MQTT-3.1.2-2], and of one of MQTT 5 that does not offer it. */
const versionRefused = [0x01, 0x84]

export function openLink(options: LinkOptions): Link {
  const { source, inFlightMax, keepAliveS, onGranted, take } = options
  let inFlight = 0
  let acknowledged: Promise<void> = Promise.resolve()
  /** Set while nothing is read. */
  let readOn: (() => void) | null = null
  let isClosing = false
  let why = ''
  let isVersionRefused = false

  const client = connect(source.url, connectOptions(options, createIncoming(hold)))
  const notYet = new Error('acknowledged later')

  function puback({ messageId }: IPublishPacket): void {
    const { _sendPacket } = client as unknown as { _sendPacket(packet: object): void }
    if (client.connected) _sendPacket.call(client, { cmd: 'puback', messageId, reasonCode: 0 })
  }

  client.handleMessage = (packet, done) => {
    // What comes now stays with the broker.
    if (isClosing) return
    // That was taken before its PUBREC.
    if (packet.qos === 2) return done()
    inFlight++
    const taken = take(packet)
    // In the order in which they came [MQTT-4.6.0-2].
    acknowledged = acknowledged
      .then(() => taken)
      .then(
        () => (packet.qos === 1 ? puback(packet) : undefined),
        () => {},
      )
      .then(() => {
        inFlight--
        readOn?.()
      })
    const goOn = () => {
      readOn = null
      done(notYet)
    }
    // One more than an MQTT 5 broker sends without a PUBACK: its other packets are read all the time.
    if (inFlight <= inFlightMax) goOn()
    else readOn = goOn
  }

  /** QoS 2 comes only by a session that another program made: it may wait for each one alone. */
  async function hold(packet: IPublishPacket): Promise<void> {
    if (isClosing) return new Promise(() => {})
    readOn = () => {}
    await take(packet)
    readOn = null
  }

  // Answers to its own pings are not read either meanwhile: only the connection as a whole can tell whether it is alive.
  const pinging = setInterval(
    () => {
      if (readOn === null || !client.connected) return
      client.sendPing()
      client.reschedulePing(true)
    },
    (keepAliveS * 1000) / 2,
  )

  function destroy(reason: string): void {
    why ||= reason
    isClosing = true
    client.end(true)
  }
  client.on('error', (error: Error & { code?: number | string }) => {
    isVersionRefused = versionRefused.includes(error.code as number)
    destroy(error.message || String(error.code))
  })
  client.on('disconnect', ({ reasonCode = 0 }) => {
    why ||= `the broker ended the connection: ${ReasonCodes[reasonCode as keyof typeof ReasonCodes] || reasonCode}`
  })
  const opened = new Promise<IConnackPacket | null>((resolve) => {
    client.on('packetreceive', (packet) => {
      if (packet.cmd !== 'connack' || (packet.reasonCode ?? packet.returnCode) !== 0) return
      onGranted()
      resolve(packet)
    })
    client.once('close', () => resolve(null))
  })
  const ended = new Promise<LinkEnd>((resolve) => {
    client.once('close', () => {
      clearInterval(pinging)
      isClosing = true
      resolve({ why: why || 'the connection broke', isVersionRefused })
    })
  })

  return {
    client,
    opened,
    ended,
    destroy,
    async close() {
      isClosing = true
      if (client.connected) {
        await acknowledged
        client.end()
        await Promise.race([ended, sleep(closeMsMax, undefined, { ref: false })])
      }
      destroy('closed')
      await ended
    },
  }
}

function connectOptions(
  { source, version, inFlightMax, keepAliveS }: LinkOptions,
  incomingStore: Store,
): IClientOptions {
  return {
    protocolVersion: version,
    clientId: source.clientId,
    // Messages are kept for us while we are away.
    clean: false,
    keepalive: keepAliveS,
    connectTimeout: limits.connectTimeoutMs,
    // A new client for each connection: nothing of an old one is left over.
    reconnectPeriod: 0,
    resubscribe: false,
    incomingStore,
    ...(source.username !== null && { username: source.username }),
    ...(source.password !== null && { password: source.password }),
    ...(version === 5 && {
      properties: {
        sessionExpiryInterval: limits.sourceSessionS,
        receiveMaximum: inFlightMax,
        // The broker leaves out what is longer [MQTT5-3.1.2-25].
        maximumPacketSize: limits.packetBytesMax,
      },
    }),
  }
}

/** MQTT.js sends a PUBREC when the store has the packet, and gives it back at PUBREL; the payload is ours by then. */
function createIncoming(hold: (packet: IPublishPacket) => Promise<void>): Store {
  const store = new Store()
  const { put } = store
  store.put = (packet, done) => {
    const isKnown = (): boolean => {
      let known = false
      store.get(packet, (error) => {
        known = !error
      })
      return known
    }
    if (isKnown()) done()
    else {
      const publish = packet as IPublishPacket
      hold(publish).then(
        () => put.call(store, { ...publish, payload: '' }, done),
        () => {},
      )
    }
    return store
  }
  return store
}
