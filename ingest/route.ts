/** Step: topic to route. The most specific route that matches wins; what it found is remembered per topic. */
import { createCodec } from '../telemetry/codec/codec.ts'
import type { MessageProblem } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import type { Decode, Reading } from '../telemetry/reading.ts'
import type { Route } from '../telemetry/route.ts'
import { deviceTag, siteTag } from '../telemetry/schema.ts'
import { bySpecificity, isTagValue, topicPattern } from '../telemetry/topic.ts'
import type { KnownDevice, State } from './state.ts'
import { createTarget, type Levels, type Target } from './target.ts'

export type Routed = {
  route: Route
  known: KnownDevice
  decode: Decode
  /** Name of the count of sequence numbers that this topic belongs to: see KnownDevice. */
  stream: string
  levels: Levels
  tags: ReadonlyArray<readonly [string, string]>
  /** By channel of the payload, and series where the payload names one. */
  targets: Map<string, Target | MessageProblem>
  /** Of all topics together. */
  memory: { targets: number }
}

export type Router = {
  find(topic: string): Routed | MessageProblem
  /** Which route takes a topic, if any does. */
  routeOf(topic: string): Route | null
}

/** Topics remembered before the memory is begun anew; a wildcard route may see any number of them. */
const topicsRemembered = 100_000

export function createRouter(routes: Route[], state: State): Router {
  const compiled = routes
    .map((route) => ({
      route,
      pattern: topicPattern(route.topic),
      decode: createCodec(route.payload, route.compression).decode,
    }))
    .toSorted((a, b) => bySpecificity(a.pattern, b.pattern))
  let known = new Map<string, Routed | MessageProblem>()
  let memory = { targets: 0 }

  function resolve(topic: string): Routed | MessageProblem {
    for (const { route, pattern, decode } of compiled) {
      const values = pattern.match(topic)
      if (values === null) continue
      const levels = new Map(pattern.names.map((name, i) => [name, values[i] as string]))
      for (const [name, value] of levels) {
        if (!isTagValue(value)) return { code: 'bad_topic', detail: `level {${name}} is ${JSON.stringify(value)}` }
      }
      const name = { site: levels.get(siteTag) ?? '', device: levels.get(deviceTag) ?? '' }
      const tags = [...levels, ...Object.entries(route.tags)]
      const stream = route.sequencePer === 'device' ? '' : topic
      return { route, known: state.device(name), decode, stream, levels, tags, targets: new Map(), memory }
    }
    return { code: 'no_route', detail: `no route matches "${topic}"` }
  }

  return {
    find(topic) {
      let routed = known.get(topic)
      if (routed === undefined) {
        if (known.size >= topicsRemembered || memory.targets >= limits.targetsRemembered) {
          known = new Map()
          memory = { targets: 0 }
        }
        routed = resolve(topic)
        known.set(topic, routed)
      }
      return routed
    },
    routeOf: (topic) => compiled.find(({ pattern }) => pattern.match(topic) !== null)?.route ?? null,
  }
}

/** The target of a reading; made with the first of its channel. */
export function targetOf(routed: Routed, reading: Reading): Target | MessageProblem {
  const key = reading.series === undefined ? reading.channel : seriesKey(reading)
  let target = routed.targets.get(key)
  if (target === undefined) {
    if (routed.targets.size >= limits.channelsPerTopicMax) {
      const detail = `channel "${reading.channel}" would be one more than the ${limits.channelsPerTopicMax} of its topic`
      return { code: 'unknown_channel', detail }
    }
    target = createTarget(routed.route, routed.levels, routed.tags, reading)
    routed.targets.set(key, target)
    routed.memory.targets++
  }
  return target
}

const seriesKey = ({ channel, series }: Reading) => JSON.stringify([channel, series])
