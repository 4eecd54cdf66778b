/**
 * Topics of many levels. aedes closes the connection at more than 100, since its two look-ups throw there. Ours
 * (delivery.ts) does not mind; its memory of sessions holds filters of up to 100 levels, so that a deeper topic can match
 * only those that end in #, and these already match its beginning.
 */
import { limits } from '../../telemetry/limits.ts'
import type { Mend } from './mend.ts'

export const takeDeepTopics = (): Mend => ({
  listening(aedes) {
    aedes.maxTopicLevels = limits.topicLevelsMax
    const { persistence } = aedes
    const find = persistence.subscriptionsByTopic.bind(persistence)
    async function findBeginning(topic: string): ReturnType<typeof find> {
      const levels = topic.split('/')
      if (levels.length <= limits.filterLevelsMax) return find(topic)
      const found = await find(levels.slice(0, limits.filterLevelsMax).join('/'))
      return found.filter((subscription) => subscription.topic.endsWith('#'))
    }
    // A shorter one cannot have too many levels.
    persistence.subscriptionsByTopic = (topic) =>
      topic.length < limits.filterLevelsMax ? find(topic) : findBeginning(topic)
  },
})
