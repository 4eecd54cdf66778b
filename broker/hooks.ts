/** What aedes asks before it does anything: who may connect, who may publish and read what, and whether it is kept. */
import type { AedesOptions, AuthenticateError, Client, ConnectPacket } from 'aedes'
import type { Logger } from 'pino'
import { type Counters, count } from '../telemetry/counters.ts'
import { type RefusalCode, refusalCodes } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { topicRefusal } from '../telemetry/topic-rules.ts'
import type { Access } from './access/access.ts'
import type { Certificate } from './access/credentials.ts'
import { createThrottle } from './access/throttle.ts'
import type { AccessLog } from './access-log.ts'
import { clientIdRefusal, connackCode } from './admission.ts'
import { internals } from './aedes-internals.ts'
import type { InOrder } from './in-order.ts'
import type { Presence } from './presence.ts'
import { createRefusalLog } from './refusal-log.ts'
import type { Commands } from './sessions/commands.ts'
import type { PublishedPacket } from './sessions/persistence.ts'
import type { Sessions } from './sessions/sessions.ts'
import type { Take } from './take.ts'
import { isLost } from './workers/relay-stream.ts'

/** There before the first question, but not before aedes. */
export type Parts = { access: Access; sessions: Pick<Sessions, 'keep'>; commands: Pick<Commands, 'handed'> }

export type HooksOptions = {
  parts: () => Parts
  take: Take
  inOrder: InOrder
  presence: Presence
  accessLog: Pick<AccessLog, 'admitted' | 'delivered'>
  certificateOf: (client: Client) => Certificate | null
  isAccepting: () => boolean
  /** Connections end because we do. */
  isClosing: () => boolean
  counters: Counters
  log: Logger
}

export function createHooks(options: HooksOptions): AedesOptions {
  const { parts, take, presence, accessLog, counters } = options
  const connects = new WeakMap<Client, ConnectPacket>()
  const logRefusal = createRefusalLog(options.log)
  const throttle = createThrottle()

  function refuse(code: RefusalCode, client: Client | null, details: object = {}): AuthenticateError {
    count(counters.refused, code)
    const username = client === null ? undefined : connects.get(client)?.username
    logRefusal(code, { client: client?.id, username, ...details })
    return Object.assign(new Error(refusalCodes[code]), { returnCode: connackCode(code) }) as AuthenticateError
  }

  async function admit(client: Client, username?: string, password?: Buffer): Promise<RefusalCode | null> {
    const packet = connects.get(client) as ConnectPacket
    const { clientId, keepalive = 0, clean = true, will } = packet
    const { conn } = internals(client)
    const { access } = parts()
    if (!options.isAccepting()) return 'not_accepting'
    const refusal = clientIdRefusal(clientId, clean)
    if (refusal !== null) return refusal
    if (will !== undefined && topicRefusal(will.topic) !== null) return 'client_id_invalid'
    conn.once('close', () => access.left(client))
    const denied = await access.admit(client, {
      username,
      password,
      givenId: clientId,
      clientId: client.id,
      isClean: clean,
      willTopic: will?.topic,
      remoteAddress: conn.remoteAddress ?? '',
      certificate: options.certificateOf(client),
      end: (code) => conn.destroy(new Error(refusalCodes[code])),
      isOpen: () => !conn.destroyed,
    })
    if (denied !== null) return denied
    const details = { keepAliveS: keepalive, clean, ...(will && { willTopic: will.topic }) }
    const begun = presence.begin(client, details)
    const address = conn.remoteAddress ?? ''
    const account = access.ownerOf(client)?.account ?? ''
    accessLog.admitted(client, presence.epochOf(client), { account, address, ...details })
    await begun
    return null
  }

  return {
    connectTimeout: limits.connectTimeoutMs,
    maxClientsIdLength: limits.clientIdBytesMax,
    preConnect(client, packet, done) {
      connects.set(client, packet)
      done(null, true)
    },
    authenticate(client, username, password, done) {
      admit(client, username, password).then(
        (refusal) => (refusal === null ? done(null, true) : done(refuse(refusal, client), false)),
        () => done(refuse('not_accepting', client), false),
      )
    },
    authorizeSubscribe(client, subscription, done) {
      if (parts().access.maySubscribe(client, subscription.topic)) return done(null, subscription)
      refuse('subscription_denied', client, { filter: subscription.topic })
      done(null, null)
    },
    authorizeForward(client, packet) {
      const { access, commands } = parts()
      if (!access.mayReceive(client, packet.topic)) return null
      commands.handed(client, packet as PublishedPacket)
      accessLog.delivered(client)
      return packet
    },
    authorizePublish(client, packet, done) {
      const { access, sessions } = parts()
      // A will has no command; a dead broker's will has no client either.
      const isWill = packet.cmd === undefined
      if (isWill && options.isClosing()) return done(new Error('broker is closing'))
      // It waits with those of clients that died with an earlier broker (sessions/wills.ts).
      if (isWill && client !== null && isLost(client)) return done(new Error('the client may come back'))
      // 3.1.1 has no way to say no: without PUBACK and connection the device keeps its reading [MQTT-3.3.5-2].
      const isAllowed = client === null || access.mayPublish(client, packet.topic)
      const refusal =
        topicRefusal(packet.topic) ??
        (isAllowed ? null : 'topic_denied') ??
        (options.isAccepting() ? null : 'not_accepting')
      if (refusal !== null) {
        if (!isWill) {
          counters.received++
          counters.refusedReadings++
        }
        return done(refuse(refusal, client, { topic: packet.topic }))
      }
      const isReading = client !== null && !isWill
      const held = isReading ? throttle.hold(client, access.waitMs(client, packet.payload.length)) : null
      if (held === null) return takeUnlessQos2()
      held.then(() => {
        if (!internals(client as Client).conn.destroyed) return takeUnlessQos2()
        counters.received++
        counters.refusedReadings++
        done(refuse('abandoned', client))
      })

      function takeUnlessQos2(): void {
        // Of QoS 2 the store of incoming packets is asked, which knows repetitions.
        if (packet.qos === 2 && !isWill) {
          done(null)
          return
        }
        take(client, packet, isWill).then(() => {
          // What sessions and retained messages need is on disk before PUBACK, too.
          const kept = isWill || packet.qos === 0 ? null : sessions.keep(packet as PublishedPacket)
          const answer = isReading ? options.inOrder(client, kept) : kept
          if (answer === null) done(null)
          else answer.then(() => done(null), done)
        }, done)
      }
    },
  }
}
