/** A checked route of the file to the Route that the stages take: everything filled in, texts read. */
import assert from 'node:assert'
import { type FieldRule, fieldRuleDefaults, type Route, type RouteExample, routeDefaults } from '../telemetry/route.ts'
import { fieldOf, takesChannel, valueField } from '../telemetry/schema.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { dateMs } from './date.ts'
import { durationMs } from './duration.ts'
import { codecOptions, type FilePayload, loneChannel } from './payload.ts'
import type { FileRoute } from './route-schema.ts'

/** Rules of `fields` keep their places. */
export function toRoute(file: FileRoute): Route {
  const { payload } = file
  assert(typeof payload === 'object')
  const ruled = file.fields.map((rule) => rule.channel)
  const lone = loneChannel(payload, ruled)
  /** As the codec names a channel that the file need not name. */
  const named = (channel: string) => (channel === '' && lone !== null ? lone : channel)
  return {
    topic: file.topic,
    measurement: file.measurement,
    unit: file.unit,
    payload: codecOptions(payload, ruled),
    compression: file.compression,
    tags: file.tags,
    fields: fieldRules(file, payload, lone, named),
    sequencePer: file.sequence,
    aheadMsMax: sure(durationMs(file.time.ahead)),
    behindMsMax: file.time.behind === undefined ? routeDefaults.behindMsMax : sure(durationMs(file.time.behind)),
    calibration: file.calibration.map(({ from, site = null, channel, ...rest }) => ({
      ...rest,
      site,
      channel: channel === undefined ? null : named(channel),
      fromMs: sure(dateMs(from)),
    })),
    examples: file.examples.map(toExample),
  }
}

function fieldRules(
  file: FileRoute,
  payload: FilePayload,
  lone: string | null,
  named: (channel: string) => string,
): FieldRule[] {
  const { names } = topicPattern(file.topic)
  const type = payload.codec === 'text' ? 'string' : fieldRuleDefaults.type
  const rules = file.fields.map((rule): FieldRule => {
    const channel = named(rule.channel)
    const isValue = channel === lone || rule.measurement !== undefined || takesChannel(file.measurement, names)
    return {
      channel,
      measurement: rule.measurement ?? fieldRuleDefaults.measurement,
      field: rule.field ?? (isValue ? valueField : fieldOf(channel)),
      type: rule.type ?? type,
      unit: rule.unit ?? file.unit,
      scale: rule.scale,
      offset: rule.offset,
      range: rule.range ?? fieldRuleDefaults.range,
      counter: rule.counter ?? fieldRuleDefaults.counter,
    }
  })
  // The one value of a payload goes to the field `value`, whatever its path is.
  const isRuled = lone === null || rules.some(({ channel }) => channel === lone)
  return isRuled ? rules : [...rules, { ...fieldRuleDefaults, channel: lone, field: valueField, type, unit: file.unit }]
}

function toExample({ topic, payload, hex, base64, expect }: FileRoute['examples'][number]): RouteExample {
  const bytes =
    hex !== undefined
      ? Buffer.from(hex.replace(/\s/g, ''), 'hex')
      : base64 !== undefined
        ? Buffer.from(base64, 'base64')
        : Buffer.from(payload ?? '')
  return { topic, payload: bytes, expect: typeof expect === 'string' ? { code: expect } : expect }
}

function sure<T>(value: T | null): T {
  assert(value !== null)
  return value
}
