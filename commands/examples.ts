/** Examples of a route, held against what ingest really makes of them. */
import { createRehearsal, type Preview } from '../ingest/preview.ts'
import type { Route, RouteExample } from '../telemetry/route.ts'
import { differences, toMilliseconds } from './line.ts'
import { payloadText } from './payload.ts'

/** `example`: its index. `missing`: what was expected and did not come; `surplus`: what came instead. */
export type FailedExample = { example: number; topic: string; payload: string; missing: string[]; surplus: string[] }

/** In their order, as if the messages came one after the other: a counter has its amounts, Sparkplug its births. */
export function checkExamples(routes: Route[], route: Route): FailedExample[] {
  if (route.examples.length === 0) return []
  const preview = createRehearsal(routes)
  return route.examples.flatMap(({ topic, payload, expect }, example) => {
    const { missing, surplus } = compare(expect, preview({ topic, payload }), route)
    const isGood = missing.length === 0 && surplus.length === 0
    return isGood ? [] : [{ example, topic, payload: payloadText(payload), missing, surplus }]
  })
}

function compare(expect: RouteExample['expect'], preview: Preview, route: Route) {
  const { problem, points } = preview
  const got = problem === null ? points.map(toMilliseconds) : [`quarantined, ${problem.code}: ${problem.detail}`]
  if (!Array.isArray(expect)) {
    if (problem !== null && problem.code === expect.code) return { missing: [], surplus: [] }
    return { missing: [`quarantined, ${expect.code}`], surplus: got }
  }
  if (problem !== null) return { missing: expect.length === 0 ? ['no point'] : expect, surplus: got }
  // An example stands with its route: the same points by way of another one are not what it says.
  if (preview.route !== null && preview.route.topic !== route.topic) {
    return { missing: [`taken by ${route.topic}`], surplus: [`taken by ${preview.route.topic}`] }
  }
  const { missing, surplus } = differences(expect, points)
  return { missing, surplus: surplus.map(toMilliseconds) }
}
