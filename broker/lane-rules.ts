/** The rules of the fast lane where aedes is in the same process: what a client may, and whether anybody listens. */
import type { Access } from './access/access.ts'
import type { AedesClient } from './aedes-internals.ts'
import type { IsHeard } from './audience.ts'
import type { LaneRules } from './fast-lane.ts'
import type { KnownTopic, KnownTopics } from './known-topics.ts'

export type OwnRulesOptions = {
  topics: KnownTopics
  isHeard: IsHeard
  access: Pick<Access, 'mayPublish' | 'takesNow'>
  epochOf: (client: AedesClient) => number
}

export function ownRules({ topics, isHeard, access, epochOf }: OwnRulesOptions): LaneRules<AedesClient, KnownTopic> {
  return {
    topicOf: (_client, bytes, at, end) => topics.find(bytes, at, end),
    mayPublish: (client, { isPlain, name }) => isPlain && access.mayPublish(client, name),
    isHeard: ({ name, heard }) => isHeard(name, heard),
    takesNow: access.takesNow,
    epochOf,
    nameOf: ({ id }) => Buffer.from(id),
    sawAlive(client) {
      if (client._keepaliveInterval > 0) client._keepaliveTimer?.refresh()
    },
  }
}
