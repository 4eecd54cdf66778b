/** Which routes see messages: two must not claim the same topic with equal right, and none may be left without any. */

import type { Sound } from '../telemetry/settings/check.ts'
import type { Problems } from '../telemetry/settings/problems.ts'
import { bySpecificity, type TopicPattern, topicPattern } from '../telemetry/topic.ts'
import { combinations, covers, overlap } from '../telemetry/topic-sets.ts'
import type { ConfigFile } from './schema.ts'

type Claim = { path: string; pattern: TopicPattern }

/** More combinations of alternatives than this are not looked at one by one. */
const combinationsMax = 64

export function checkTopics(file: Sound<ConfigFile>, problems: Problems): void {
  const source = file.broker?.status
  const status = source === undefined ? null : { path: 'broker.status', pattern: topicPattern(source) }
  const claims = (file.routes ?? []).flatMap((route, i) =>
    route?.topic === undefined ? [] : [{ path: `routes[${i}].topic`, pattern: topicPattern(route.topic) }],
  )
  for (const [i, claim] of claims.entries()) {
    const rivals = claims.slice(0, i).filter(({ pattern }) => bySpecificity(pattern, claim.pattern) === 0)
    const first = [...(status === null ? [] : [status]), ...rivals].find((it) => isSame(it, claim))
    if (first !== undefined) report(claim, `matches the same topics as ${where(first)}, so it would see no message`)
    else if (!reportDead(claim)) for (const rival of rivals) reportRival(claim, rival)
  }

  /** Its topics are taken by the status topic, which comes before all routes, or by routes that are more specific. */
  function reportDead(claim: Claim): boolean {
    const { pattern } = claim
    const stronger = claims.filter((it) => bySpecificity(it.pattern, pattern) < 0)
    const takers = new Set<Claim>()
    for (const part of combinations(pattern, combinationsMax)) {
      const taker = [...(status === null ? [] : [status]), ...stronger].find((it) => covers(it.pattern, part))
      if (taker === undefined) return false
      takers.add(taker)
    }
    report(claim, `matches only topics of ${[...takers].map(where).join(', ')}, so it would see no message`)
    return true
  }

  function reportRival(claim: Claim, rival: Claim): void {
    const topic = overlap(claim.pattern, rival.pattern)
    if (topic === null) return
    const isShown = problems.isShown(claim.path) && problems.isShown(rival.path)
    const example = isShown ? `, for example ${JSON.stringify(topic)}` : ''
    report(claim, `matches topics of ${where(rival)} too${example}, and neither is more specific`)
  }

  function report({ path, pattern }: Claim, text: string): void {
    // A default route collides only with a status topic that the file names.
    const isNamed = problems.places.has(path)
    const given = isNamed
      ? problems.given(path, pattern.source, false)
      : `the default route ${JSON.stringify(pattern.source)}`
    problems.add(isNamed ? path : 'broker.status', `${given} ${text}`)
  }

  function where({ path }: Claim): string {
    const line = problems.places.get(path)?.line
    return `${path}${line === undefined ? '' : ` in line ${line}`}`
  }
}

const isSame = (a: Claim, b: Claim): boolean => covers(a.pattern, b.pattern) && covers(b.pattern, a.pattern)
