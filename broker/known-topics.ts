/** Topics as bytes of a PUBLISH, checked once and remembered, so that a message on a known topic needs no text. */
import { limits } from '../telemetry/limits.ts'
import { MessageKind } from '../telemetry/message.ts'
import { topicRefusal } from '../telemetry/topic-rules.ts'
import { type Heard, unknownAudience } from './audience.ts'

export type KnownTopic = {
  name: string
  bytes: Buffer
  kind: MessageKind
  /** False: aedes shall say what it thinks of it. */
  isPlain: boolean
  heard: Heard
}

export type KnownTopics = { find(bytes: Buffer, at: number, end: number): KnownTopic }

/** Deeper topics are few; aedes has its own bound for them. */
const levelsMax = 64

export function createKnownTopics(isStatus: (topic: string) => boolean): KnownTopics {
  const known = new Map<string, KnownTopic>()
  return {
    find(bytes, at, end) {
      // Each byte is one character: different bytes are different keys, well-formed UTF-8 or not.
      const key = bytes.toString('latin1', at, end)
      const found = known.get(key)
      if (found !== undefined) return found
      const name = bytes.toString('utf8', at, end)
      const topic: KnownTopic = {
        name,
        bytes: Buffer.from(bytes.subarray(at, end)),
        kind: isStatus(name) ? MessageKind.birth : MessageKind.publish,
        isPlain: topicRefusal(name) === null && name.split('/', levelsMax + 1).length <= levelsMax,
        heard: { ...unknownAudience },
      }
      if (!topic.isPlain) return topic
      if (known.size >= limits.topicsKnownMax) known.clear()
      known.set(key, topic)
      return topic
    },
  }
}
