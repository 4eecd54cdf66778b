/** Subscribes a source to its topics: shared where that is wanted and the broker can, else plainly. */
import { type IConnackPacket, type ISubscriptionMap, type MqttClient, ReasonCodes } from 'mqtt'
import type { Logger } from 'pino'
import type { Source } from '../telemetry/source.ts'

/** Reason codes of a SUBACK: no shared subscriptions; a filter that is not taken [MQTT5-3.9.3]. */
const notShared = [0x9e, 0x8f]

/** Why the broker does not send everything that is wanted, or null. @throws Error when the connection ends meanwhile. */
export async function subscribe(
  client: MqttClient,
  connack: IConnackPacket,
  source: Source,
  log: Logger,
): Promise<string | null> {
  const plain = new Set(source.topics)
  const refused: string[] = []
  if (source.share !== null) {
    const isOffered = client.options.protocolVersion === 5 && connack.properties?.sharedSubscriptionAvailable !== false
    const shared = (topic: string) => `$share/${source.share}/${topic}`
    const codes = isOffered ? await ask(client, source.topics.map(shared)) : source.topics.map(() => 0x9e)
    for (const [i, topic] of source.topics.entries()) {
      const code = codes[i] ?? 0x80
      if (!notShared.includes(code)) plain.delete(topic)
      if (code >= 0x80 && !plain.has(topic)) refused.push(`${shared(topic)}: ${reasonOf(code)}`)
    }
    if (plain.size > 0) {
      log.warn({ source: source.name, topics: [...plain] }, 'broker shares no subscriptions: every message comes here')
    }
  }
  const codes = plain.size === 0 ? [] : await ask(client, [...plain])
  for (const [i, topic] of [...plain].entries()) {
    const code = codes[i] ?? 0x80
    if (code >= 0x80) refused.push(`${topic}: ${reasonOf(code)}`)
  }
  return refused.length === 0 ? null : `the broker refuses ${refused.join(', ')}`
}

/**
 * Retained messages come only for a subscription that is new (rh 1); the retain flag says that a message is one of
 * those, not what its publisher wanted (rap).
 */
function ask(client: MqttClient, filters: string[]): Promise<number[]> {
  const wanted = Object.fromEntries(filters.map((filter) => [filter, { qos: 1 as const, rap: false, rh: 1 }]))
  return new Promise((resolve, reject) => {
    client.subscribe(wanted as ISubscriptionMap, (error, _subscriptions, packet) => {
      if (packet === undefined) reject(error ?? new Error('no answer to SUBSCRIBE'))
      else resolve(packet.granted as number[])
    })
  })
}

const reasonOf = (code: number) => ReasonCodes[code as keyof typeof ReasonCodes] || `code ${code}`
