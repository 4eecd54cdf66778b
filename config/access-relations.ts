/** What must hold between broker.access and the rest of the broker: one name for each account, births and wills possible. */

import type { Sound } from '../telemetry/settings/check.ts'
import type { Problems } from '../telemetry/settings/problems.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { covers } from '../telemetry/topic-sets.ts'
import * as topicRules from './rules.ts'
import type { ConfigFile } from './schema.ts'

export function checkAccess(broker: Sound<ConfigFile['broker']> | undefined, problems: Problems): void {
  const access = broker?.access
  if (broker === undefined || access === undefined) return
  const takenBy = new Map<string, string>()
  const shared = broker.credentials?.username
  if (shared !== undefined) takenBy.set(shared, 'broker.credentials')
  for (const [i, operator] of (access.operators ?? []).entries()) {
    if (operator?.username === undefined) continue
    const path = `broker.access.operators[${i}]`
    const first = takenBy.get(operator.username)
    if (first === undefined) takenBy.set(operator.username, path)
    else {
      const given = problems.given(`${path}.username`, operator.username, false)
      problems.add(`${path}.username`, `${given} is the user name of ${first} already`)
    }
  }
  const { status } = broker
  const publish = access.rules?.publish
  if (status === undefined || topicRules.topicRule(status) !== null || publish === undefined) return
  // A pattern with a problem may have been meant to hold it.
  if (publish.includes(undefined)) return
  const isCovered = publish.some((rule) => rule !== undefined && covers(topicPattern(rule), topicPattern(status)))
  if (isCovered) return
  const given = problems.given('broker.status', status, false)
  problems.add(
    'broker.access.rules.publish',
    `holds no pattern for broker.status ${given}: births and wills would be refused`,
  )
}
