/**
 * MQTT from a broker that is there already: a client of it, whose messages take the path of our own broker's. What was
 * not acknowledged, or came while we were away, stays in our session there and comes again.
 *
 * Devices behind a source keep their state while only the link to their broker is down: what they do meanwhile, their
 * status tells once it is back. So the link's begin is put into the journal, and its end is not.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { IConnackPacket, IPublishPacket } from 'mqtt'
import type { Logger } from 'pino'
import { sourceClient } from '../telemetry/client.ts'
import { type Counters, count, type SourceCounters } from '../telemetry/counters.ts'
import type { NextEpoch } from '../telemetry/epoch.ts'
import { AbandonedError, type RefusalCode, refusalCodes } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type Accept, lifeCycle, type Message, MessageKind, type Qos } from '../telemetry/message.ts'
import type { Source } from '../telemetry/source.ts'
import { topicRefusal } from '../telemetry/topic-rules.ts'
import { type Link, openLink } from './link.ts'
import { subscribe } from './subscribe.ts'

export type SourceOptions = {
  source: Source
  accept: Accept
  /** The link of the epoch is gone: what still waits for accept() is not wanted any more. */
  abandon: (epoch: number) => void
  nextEpoch: NextEpoch
  /** Whether a topic is one of births and wills. */
  isStatus: (topic: string) => boolean
  counters: Counters
  log: Logger
  inFlightMax?: number
  keepAliveS?: number
}

export type RunningSource = {
  name: string
  check(): { ok: boolean; detail: string }
  /** Leaves the broker, which keeps our session. */
  close(): Promise<void>
}

/** Returns at once: a broker that is away is tried again until it is there. */
export function startSource(options: SourceOptions): RunningSource {
  const {
    source,
    accept,
    counters,
    inFlightMax = limits.sourceInFlightMax,
    keepAliveS = limits.sourceKeepAliveS,
  } = options
  const log = options.log.child({ source: source.name })
  const client = sourceClient(source.name)
  const counted: SourceCounters = { received: 0, retainedSkipped: 0, connects: 0 }
  counters.sources[source.name] = counted
  const closing = new AbortController()
  let state = { ok: false, detail: 'connecting' }
  let version: 4 | 5 = 5
  let link: Link | null = null
  let epoch = 0
  let isJournalFailed = false

  function fail(detail: string): void {
    if (state.detail !== detail && !closing.signal.aborted) log.warn({ detail }, 'source gives nothing')
    state = { ok: false, detail }
  }

  function granted(): void {
    counted.connects++
    const details = { address: new URL(source.url).host, keepAliveS, clean: false }
    const begin = lifeCycle(MessageKind.connect, client, epoch, '', details)
    accept(begin).catch((error) => log.error({ err: error }, 'the begin of a link could not be kept'))
  }

  async function take(packet: IPublishPacket): Promise<void> {
    const kind = kindOf(packet)
    const isReading = kind === MessageKind.publish
    if (isReading && packet.retain) {
      counted.retainedSkipped++
      return
    }
    if (isReading) {
      counters.received++
      counted.received++
    }
    const refuse = (code: RefusalCode) => {
      if (isReading) counters.refusedReadings++
      count(counters.refused, code)
    }
    const refusal = refusalOf(packet)
    if (refusal !== null) {
      // It would be refused each time it came: acknowledged, so that it does not stand in the way of others.
      refuse(refusal)
      log.warn({ code: refusal, topic: packet.topic.slice(0, 200) }, 'refused')
      return
    }
    try {
      await accept(messageOf(packet, kind))
    } catch (error) {
      const isAbandoned = error instanceof AbandonedError
      refuse(isAbandoned ? 'abandoned' : 'not_accepting')
      if (!isAbandoned) {
        isJournalFailed = true
        link?.destroy(refusalCodes.not_accepting)
      }
      throw error
    }
  }

  /** The broker of a source does not say which message is a will; `offline` as a status is one, or the device's own word. */
  function kindOf({ topic, payload }: IPublishPacket): MessageKind {
    if (!options.isStatus(topic)) return MessageKind.publish
    return String(payload).trim() === 'offline' ? MessageKind.will : MessageKind.birth
  }

  function messageOf({ topic, payload, qos, dup, retain, messageId = 0 }: IPublishPacket, kind: MessageKind): Message {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    return { kind, qos: qos as Qos, dup, retain, packetId: messageId, epoch, client, topic, payload: bytes }
  }

  /** One connection from begin to end. */
  async function run(): Promise<void> {
    epoch = options.nextEpoch()
    const current = openLink({ source, version, inFlightMax, keepAliveS, onGranted: granted, take })
    link = current
    const connected = async (connack: IConnackPacket | null) => {
      if (connack === null) return
      const problem = await subscribe(current.client, connack, source, log)
      if (problem !== null) return fail(problem)
      state = { ok: true, detail: '' }
      log.info('source is connected')
    }
    current.opened.then(connected).catch((error: Error) => current.destroy(error.message))
    const { why, isVersionRefused } = await current.ended
    options.abandon(epoch)
    link = null
    if (isVersionRefused && version === 5) {
      version = 4
      return
    }
    fail(why)
  }

  async function keepRunning(): Promise<void> {
    for (let tries = 0; !closing.signal.aborted && !isJournalFailed; tries++) {
      const startedAt = performance.now()
      await run()
      // Two clients of one name that take each other over must not do so without a pause.
      if (performance.now() - startedAt > limits.sourceBackoffMsMax) tries = 0
      await sleep(backoffMs(tries), undefined, { signal: closing.signal }).catch(() => {})
    }
  }
  const running = keepRunning()

  return {
    name: source.name,
    check: () => state,
    async close() {
      closing.abort()
      const closed = link?.close()
      options.abandon(epoch)
      await closed
      await running
    },
  }
}

function refusalOf({ topic, payload }: IPublishPacket): RefusalCode | null {
  return payload.length > limits.packetBytesMax ? 'packet_too_large' : topicRefusal(topic)
}

/** Doubles from try to try; half of it is left to chance, so that many clients do not return at once. */
function backoffMs(tries: number): number {
  const grown = Math.min(limits.sourceBackoffMsMax, limits.sourceBackoffMsMin * 2 ** tries)
  return grown / 2 + (Math.random() * grown) / 2
}
