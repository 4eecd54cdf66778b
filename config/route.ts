/** A checked route of the file to the Route that the stages take: everything filled in, texts read. */
import assert from 'node:assert'
import { durationMs } from '../telemetry/duration.ts'
import { type FieldRule, fieldRuleDefaults, type Route, type RouteExample, routeDefaults } from '../telemetry/route.ts'
import { fieldOf, takesChannel, valueField } from '../telemetry/schema.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { dateMs } from './date.ts'
import { channelNamer, codecOptions } from './payload.ts'
import type { FileRoute } from './route-schema.ts'

/** Rules of `fields` keep their places. */
export function toRoute(file: FileRoute): Route {
  const { payload } = file
  assert(typeof payload === 'object')
  const ruled = file.fields.map((rule) => rule.channel)
  const channelOf = channelNamer(payload, ruled)
  return {
    topic: file.topic,
    measurement: file.measurement,
    unit: file.unit,
    payload: codecOptions(payload, ruled),
    compression: file.compression,
    tags: file.tags,
    fields: fieldRules(file, channelOf),
    sequencePer: file.sequence,
    aheadMsMax: sure(durationMs(file.time.ahead)),
    behindMsMax: file.time.behind === undefined ? routeDefaults.behindMsMax : sure(durationMs(file.time.behind)),
    everyMs: file.every === undefined ? routeDefaults.everyMs : sure(durationMs(file.every)),
    calibration: file.calibration.map(({ from, site = null, channel, ...rest }) => ({
      ...rest,
      site,
      channel: channel === undefined ? null : channelOf(channel),
      fromMs: sure(dateMs(from)),
    })),
    examples: file.examples.map(toExample),
  }
}

function fieldRules(file: FileRoute, channelOf: (name: string) => string): FieldRule[] {
  const isText = typeof file.payload === 'object' && file.payload.codec === 'text'
  const isMeasured = takesChannel(file.measurement, topicPattern(file.topic).names)
  return file.fields.map((rule) => {
    const channel = channelOf(rule.channel)
    return {
      channel,
      measurement: rule.measurement ?? fieldRuleDefaults.measurement,
      field: rule.field ?? (isMeasured || rule.measurement !== undefined ? valueField : fieldOf(channel)),
      type: rule.type ?? (isText ? 'string' : fieldRuleDefaults.type),
      unit: rule.unit ?? fieldRuleDefaults.unit,
      scale: rule.scale,
      offset: rule.offset,
      range: rule.range ?? fieldRuleDefaults.range,
      counter: rule.counter ?? fieldRuleDefaults.counter,
    }
  })
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
