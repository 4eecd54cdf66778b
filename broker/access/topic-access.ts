/** Which topics a device may publish to and hear: rules with {device} and {site}, filled in with its own names. */
import { type TopicLevel, type TopicPattern, type TopicShape, topicPattern } from '../../telemetry/topic.ts'
import { covers } from '../../telemetry/topic-sets.ts'
import type { Account } from './account.ts'

export type TopicRules = { publish: string[]; subscribe: string[] }

export type TopicAccess = {
  mayPublish(account: Account, topic: string): boolean
  /** Whether the device may hear this topic. */
  mayReceive(account: Account, topic: string): boolean
  /** Whether all that the filter can match may be heard. */
  maySubscribe(account: Account, filter: string): boolean
}

type Rule = { pattern: TopicPattern; device: number; site: number }

const toRule = (source: string): Rule => {
  const pattern = topicPattern(source)
  return { pattern, device: pattern.names.indexOf('device'), site: pattern.names.indexOf('site') }
}

/** A device without a site has no part in rules that name one: any site would be those of others, too. */
const concerns = ({ site }: Rule, account: Account): boolean => site === -1 || account.site !== null

function lets(rules: Rule[], account: Account, topic: string): boolean {
  for (const rule of rules) {
    if (!concerns(rule, account)) continue
    const values = rule.pattern.match(topic)
    if (values === null) continue
    const isOwnDevice = rule.device === -1 || values[rule.device] === account.device
    if (isOwnDevice && (rule.site === -1 || values[rule.site] === account.site)) return true
  }
  return false
}

export function createTopicAccess(rules: TopicRules): TopicAccess {
  const [publish, subscribe] = [rules.publish.map(toRule), rules.subscribe.map(toRule)]
  return {
    mayPublish: (account, topic) => lets(publish, account, topic),
    mayReceive: (account, topic) => lets(subscribe, account, topic),
    maySubscribe(account, filter) {
      const wanted = filterShape(filter)
      return subscribe.some((rule) => concerns(rule, account) && covers(filledIn(rule.pattern, account), wanted))
    },
  }
}

/** Not by topicPattern(): to MQTT, braces are letters like others. */
function filterShape(filter: string): TopicShape {
  const levels = filter.split('/')
  const hasRest = levels.at(-1) === '#'
  const named = hasRest ? levels.slice(0, -1) : levels
  return { levels: named.map((level) => ({ texts: level === '+' ? null : [level], name: null })), hasRest }
}

function filledIn({ levels, hasRest }: TopicShape, { device, site }: Account): TopicShape {
  const fill = (level: TopicLevel): TopicLevel => {
    const own = level.name === 'device' ? device : level.name === 'site' ? site : null
    if (own === null) return level
    // {site:a|b} is open to the sites a and b only.
    return { texts: level.texts === null || level.texts.includes(own) ? [own] : [], name: null }
  }
  return { levels: levels.map(fill), hasRest }
}
