/** Step: topic to route. The first route that matches wins; what it found is remembered per topic. */
import { decoders } from '../telemetry/codec/codec.ts'
import type { DeviceName } from '../telemetry/device.ts'
import type { MessageProblem } from '../telemetry/errors.ts'
import { createSeries, type Series } from '../telemetry/point.ts'
import type { Decode } from '../telemetry/reading.ts'
import type { Route } from '../telemetry/route.ts'
import { deviceTag, siteTag, valueField } from '../telemetry/schema.ts'
import { isTagValue, topicPattern } from '../telemetry/topic.ts'

export type Routed = DeviceName & { series: Series; channel: string; unit: string; decode: Decode }

/** Topics remembered before the memory is begun anew; a wildcard route may see any number of them. */
const topicsRemembered = 100_000

export function createRouter(routes: Route[]): (topic: string) => Routed | MessageProblem {
  const compiled = routes.map((route) => ({ route, pattern: topicPattern(route.topic) }))
  let known = new Map<string, Routed | MessageProblem>()

  function find(topic: string): Routed | MessageProblem {
    for (const { route, pattern } of compiled) {
      const values = pattern.match(topic)
      if (values !== null) return resolve(route, pattern.names, values)
    }
    return { code: 'no_route', detail: `no route matches "${topic}"` }
  }

  return (topic) => {
    let routed = known.get(topic)
    if (routed === undefined) {
      if (known.size >= topicsRemembered) known = new Map()
      routed = find(topic)
      known.set(topic, routed)
    }
    return routed
  }
}

function resolve(route: Route, names: string[], values: string[]): Routed | MessageProblem {
  const tags = names.map((name, i) => [name, values[i] as string] as const)
  for (const [name, value] of tags) {
    if (!isTagValue(value)) return { code: 'bad_topic', detail: `level {${name}} is ${JSON.stringify(value)}` }
  }
  const tag = (name: string) => tags.find(([it]) => it === name)?.[1] ?? ''
  return {
    site: tag(siteTag),
    device: tag(deviceTag),
    channel: route.measurement,
    unit: route.unit,
    series: createSeries(route.measurement, tags, valueField),
    decode: decoders[route.payload],
  }
}
