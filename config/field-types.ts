/**
 * The types of fields, as far as the routes alone tell them: of one measurement and field there can be only one type, in
 * the file and in the database.
 */
import type { FieldType } from '../telemetry/point.ts'
import type { StoredField } from '../telemetry/query.ts'
import { type CodecOptions, fieldRuleDefaults, type Route } from '../telemetry/route.ts'
import { fieldOf, placeholdersOf, takesChannel, valueField } from '../telemetry/schema.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { isRole } from './payload.ts'

/** `rule`: which of the route's fields says so; null: the route. */
export type RouteField = StoredField & { rule: number | null }

/** A measurement whose placeholders stand for more texts than this is not known before start. */
const measurementsMax = 64

/** Fields of a route that are known before any message is. */
export function routeFields(route: Route): RouteField[] {
  const { names } = topicPattern(route.topic)
  const ruled = route.fields.flatMap(({ channel, measurement, field, type }, rule) =>
    measurementsOf(measurement ?? route.measurement, route.topic, channel).map((it) => ({
      measurement: it,
      field,
      type,
      rule,
    })),
  )
  const channels = Object.entries(typedChannels(route.payload)).filter(
    ([channel]) => !route.fields.some((rule) => rule.channel === channel),
  )
  const unruled = channels.flatMap(([channel, type]) => {
    const field = takesChannel(route.measurement, names) ? valueField : fieldOf(channel)
    return measurementsOf(route.measurement, route.topic, channel).map((it) => ({
      measurement: it,
      field,
      type,
      rule: null,
    }))
  })
  return [...ruled, ...unruled]
}

/** Channels whose name and type come with the codec. */
function typedChannels(payload: CodecOptions): Record<string, FieldType> {
  if (payload.codec === 'value') return { '': fieldRuleDefaults.type }
  if (payload.codec === 'text') return { '': 'string' }
  if (payload.codec !== 'struct') return {}
  const names = [...payload.head, ...payload.repeat].map(({ name }) => name)
  return Object.fromEntries(names.filter((name) => !isRole(name)).map((name) => [name, fieldRuleDefaults.type]))
}

/** The measurement with its placeholders filled in; nothing where one of them can be anything. */
function measurementsOf(measurement: string, topic: string, channel: string): string[] {
  const { levels, names } = topicPattern(topic)
  let found = [measurement]
  for (const name of new Set(placeholdersOf(measurement))) {
    const isChannel = takesChannel(`{${name}}`, names)
    const texts = isChannel ? [channel || valueField] : levels.find((it) => it.name === name)?.texts
    if (!texts || found.length * texts.length > measurementsMax) return []
    found = found.flatMap((it) => texts.map((text) => it.replaceAll(`{${name}}`, text)))
  }
  return found
}

/** Every field of the routes that is known before any message is, each once. */
export function fieldTypesOf(routes: Route[]): StoredField[] {
  const fields = routes.flatMap(routeFields).map(({ measurement, field, type }) => ({ measurement, field, type }))
  return [...new Map(fields.map((it) => [JSON.stringify(it), it])).values()]
}

/** A line for each field that the store holds already as another type than a route would write. */
export function typeConflicts(routes: Route[], stored: StoredField[]): string[] {
  const types = new Map(stored.map(({ measurement, field, type }) => [JSON.stringify([measurement, field]), type]))
  return routes.flatMap((route) =>
    fieldTypesOf([route]).flatMap(({ measurement, field, type }) => {
      const held = types.get(JSON.stringify([measurement, field])) ?? type
      return held === type
        ? []
        : `measurement ${measurement}, field ${field}: the store holds ${held}, the route ${route.topic} writes ${type}`
    }),
  )
}
