/** Which topics may be published, whatever the entrance: the rules of MQTT, and our limit. */
import type { RefusalCode } from './errors.ts'
import { limits } from './limits.ts'

/** Characters that no MQTT string may hold [MQTT-1.5.3-2]; U+FFFD is what broken UTF-8 was read as [MQTT-1.5.3-1]. */
export const isBroken = (text: string): boolean => text.includes('\0') || text.includes('\uFFFD')

/** The reason to refuse a topic of a PUBLISH or a will, or null. */
export function topicRefusal(topic: string): RefusalCode | null {
  if (topic.startsWith('$')) return 'topic_reserved'
  if (topic === '' || /[+#]/.test(topic) || isBroken(topic)) return 'topic_invalid'
  return Buffer.byteLength(topic) > limits.topicBytesMax ? 'topic_invalid' : null
}

/** Whether the text is a topic filter: wildcards stand alone on their level, # on the last one [MQTT-4.7.1-2], [MQTT-4.7.1-3]. */
export function isTopicFilter(text: string): boolean {
  if (text === '' || Buffer.byteLength(text) > limits.topicBytesMax) return false
  if (!/[+#]/.test(text)) return true
  const levels = text.split('/')
  return levels.every((level, i) => level === '+' || (level === '#' && i === levels.length - 1) || !/[+#]/.test(level))
}
