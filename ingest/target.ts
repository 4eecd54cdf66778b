/**
 * Where the readings of one channel of one topic go: made when the first of them comes, and kept with the topic. Here all
 * that the route says about the channel is put together, so that each reading costs little.
 */
import type { MessageProblem } from '../telemetry/errors.ts'
import { createSeries, type FieldType, type Series } from '../telemetry/point.ts'
import type { Reading, Value } from '../telemetry/reading.ts'
import type { Calibration, CounterRule, FieldRule, Route } from '../telemetry/route.ts'
import {
  channelOf,
  fieldOf,
  measurementProblem,
  takesChannel,
  timeQualityField,
  timeUncertaintyField,
  valueField,
} from '../telemetry/schema.ts'
import { isTagValue } from '../telemetry/topic.ts'
import { type Conversion, conversion } from '../telemetry/units.ts'

export type Target = {
  series: Series
  /** Name of the quantity for pages: channelOf() of its series. */
  channel: string
  unit: string
  /** From the unit that a payload gave last to this one; null: there is no way. */
  given: { unit: string; conversion: Conversion | null }
  scale: number
  offset: number
  range: readonly [number, number] | null
  counter: CounterRule | null
  /** Of this device, the latest first. */
  calibration: Calibration[]
  /** The newest reading since pages were told last. */
  fresh: { timeMs: number; value: Value } | null
  /** How many readings of the message being decided have come so far, and which decision that is. */
  nth: number
  nthDecision: number
  /** Series of what is said about the time, made when it is needed. */
  quality: Series | null
  uncertainty: Series | null
}

/** Topic levels by name. */
export type Levels = ReadonlyMap<string, string>

const typeOf = (value: Value): FieldType =>
  typeof value === 'number' ? 'float' : typeof value === 'boolean' ? 'boolean' : 'string'

/** @param tags of the topic and the route: what a payload says does not replace them */
export function createTarget(
  route: Route,
  levels: Levels,
  tags: ReadonlyArray<readonly [string, string]>,
  reading: Reading,
): Target | MessageProblem {
  const rule = route.fields.find((it) => it.channel === reading.channel) ?? null
  if (rule === null && route.payload.codec === 'packed') {
    const known = route.fields.map((it) => it.channel).join(', ')
    const detail = `channel ${reading.channel} given, one of the route's fields wanted: ${known === '' ? 'it has none' : known}`
    return { code: 'unknown_channel', detail }
  }
  const name = rule?.measurement ?? reading.series?.measurement ?? route.measurement
  const measurement = filled(name, levels, reading.channel)
  const problem = measurementProblem(measurement)
  if (problem !== null) return { code: 'unknown_channel', detail: `measurement "${measurement}" ${problem}` }
  const allTags = withTags(tags, reading.series?.tags ?? [])
  if ('code' in allTags) return allTags
  const unit = unitOf(rule !== null && rule.unit !== '' ? rule.unit : null, reading.unit, route.unit)
  const field = rule?.field ?? autoField(name, levels, reading)
  return {
    series: createSeries(measurement, allTags, field, rule?.type ?? typeOf(reading.value)),
    channel: channelOf(measurement, field),
    unit,
    given: { unit, conversion: null },
    scale: rule?.scale ?? 1,
    offset: rule?.offset ?? 0,
    range: rule?.range ?? null,
    counter: rule?.counter ?? null,
    calibration: calibrationOf(route.calibration, levels, rule, reading.channel),
    fresh: null,
    nth: 0,
    nthDecision: -1,
    quality: null,
    uncertainty: null,
  }
}

/** `{channel}` is a level of the topic if one has this name, else what the payload calls the quantity. */
const filled = (name: string, levels: Levels, channel: string): string =>
  name.includes('{')
    ? name.replace(
        /\{([^}]*)\}/g,
        (whole, level: string) =>
          levels.get(level) ?? (level === 'channel' ? (channel === '' ? valueField : channel) : whole),
      )
    : name

function autoField(measurement: string, levels: Levels, { channel, series }: Reading): string {
  if (series !== undefined) return channel
  return takesChannel(measurement, [...levels.keys()]) ? valueField : fieldOf(channel)
}

function withTags(
  tags: ReadonlyArray<readonly [string, string]>,
  own: ReadonlyArray<readonly [string, string]>,
): Array<readonly [string, string]> | MessageProblem {
  const all = [...tags]
  for (const [name, value] of own) {
    if (all.some(([taken]) => taken === name)) continue
    if (name === 'time' || !isTagValue(name) || !isTagValue(value)) {
      return {
        code: 'bad_payload',
        detail: `tag ${JSON.stringify(name)} is ${JSON.stringify(value)}, plain text wanted`,
      }
    }
    all.push([name, value])
  }
  return all
}

function calibrationOf(all: Calibration[], levels: Levels, rule: FieldRule | null, channel: string): Calibration[] {
  return all
    .filter(
      (it) =>
        it.device === levels.get('device') &&
        (it.site === null || it.site === levels.get('site')) &&
        (it.channel === null || it.channel === (rule?.channel ?? channel)),
    )
    .toSorted((a, b) => b.fromMs - a.fromMs)
}

const meta = (target: Target, field: string, type: FieldType) =>
  createSeries(target.series.measurement, target.series.tags, field, type)

export const qualitySeries = (target: Target): Series => (target.quality ??= meta(target, timeQualityField, 'string'))
export const uncertaintySeries = (target: Target): Series =>
  (target.uncertainty ??= meta(target, timeUncertaintyField, 'integer'))

/** The rule's, or else the route's where it can be reached from the payload's: not what happened to come first. */
function unitOf(wanted: string | null, given: string, usual: string): string {
  if (wanted !== null) return wanted
  return given === '' || (usual !== '' && conversion(given, usual) !== null) ? usual : given
}

/** What makes a value in the unit that a payload gives one in the target's; null when they measure different things. */
export function conversionOf(target: Target, unit: string): Conversion | null {
  if (target.given.unit !== unit) target.given = { unit, conversion: conversion(unit, target.unit) }
  return target.given.conversion
}
