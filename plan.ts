/**
 * The routes that count now, and everything that follows from them for the parts that do not read records themselves. New
 * routes come while all of them run (SIGHUP): they ask here each time.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { configVersion, routesDifference } from './config/difference.ts'
import { typeConflicts } from './config/field-types.ts'
import { createLook } from './ingest/look.ts'
import { createPreview, type Preview, type PreviewMessage } from './ingest/preview.ts'
import type { Store } from './stores/store.ts'
import type { DeviceName } from './telemetry/device.ts'
import { StartError } from './telemetry/errors.ts'
import { limits } from './telemetry/limits.ts'
import type { CodecMemory } from './telemetry/reading.ts'
import type { Route } from './telemetry/route.ts'
import type { Look } from './telemetry/sighting.ts'
import { deviceFinder, topicPattern } from './telemetry/topic.ts'

export type Plan = {
  routes(): Route[]
  version(): string
  deviceOf(topic: string): DeviceName | null
  /** What a level {gateway} of the topic's route says; '': nothing. */
  gatewayOf(topic: string): string
  look: Look
  preview(message: PreviewMessage, memory: CodecMemory): Preview
  /** @throws StartError when a field has another type in the store. Where the store does not answer in time, it will reject such points. */
  check(routes: Route[], store: Store): Promise<void>
  /** Answers what differs, a line for each. */
  change(routes: Route[]): string[]
}

export function createPlan(first: Route[], statusTopic: string): Plan {
  const finderOf = (routes: Route[]) => deviceFinder([statusTopic, ...routes.map((route) => route.topic)])
  let routes = first
  let deviceOf = finderOf(first)
  let look = createLook(first)
  let gatewayOf = gatewayFinder(first)
  return {
    routes: () => routes,
    version: () => configVersion(routes),
    deviceOf: (topic) => deviceOf(topic),
    gatewayOf: (topic) => gatewayOf(topic),
    look: (record) => look(record),
    preview: (message, memory) => createPreview(routes, memory)(message),
    async check(next, store) {
      const late = sleep(limits.fieldTypesMsMax, [], { ref: false })
      const stored = await Promise.race([store.fieldTypes(), late]).catch(() => [])
      const conflicts = typeConflicts(next, stored)
      if (conflicts.length > 0) throw new StartError(conflicts)
    },
    change(next) {
      const lines = routesDifference(routes, next)
      routes = next
      deviceOf = finderOf(next)
      look = createLook(next)
      gatewayOf = gatewayFinder(next)
      return lines
    },
  }
}

/** Only routes with a level of that name can say anything. */
function gatewayFinder(routes: Route[]): (topic: string) => string {
  const patterns = routes.filter(({ topic }) => topic.includes('{gateway}')).map(({ topic }) => topicPattern(topic))
  return (topic) => {
    for (const { names, match } of patterns) {
      const values = match(topic)
      if (values !== null) return values[names.indexOf('gateway')] ?? ''
    }
    return ''
  }
}
