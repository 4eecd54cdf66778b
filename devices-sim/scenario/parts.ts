/** Parts that the schemas of a scenario are made of. */
import Type, { type TNumberOptions, type TStringOptions } from 'typebox'
import { durationMs, durationText } from '../../telemetry/duration.ts'
import { type Rule, text } from '../../telemetry/settings/text.ts'

/** A level of a topic, the beginning of a client identifier and a word of a table. */
const nameRule: Rule = (value) => (/^[a-z0-9][a-z0-9-]{0,39}$/.test(value) ? null : '')
export const name = (options: TStringOptions) =>
  text(nameRule, { title: 'a name of at most 40 lower-case letters, digits and -', ...options })

/** Of 0 or longer. */
export const time = (options: TStringOptions) =>
  text((value) => (durationMs(value) === null ? '' : null), {
    title: 'a duration like 500ms, 30s, 10min, 1h or 30d',
    ...options,
  })

/** Of something that would never come round, or all the time, with less. */
export const timeFrom = (least: string, options: TStringOptions) =>
  text((value) => ((durationMs(value) ?? -1) >= (durationMs(least) as number) ? null : ''), {
    title: `a duration of at least ${least} like 30s, 10min, 1h or 30d`,
    ...options,
  })

export const fraction = (options: TNumberOptions) =>
  Type.Number({ title: 'a number from 0 to 1', minimum: 0, maximum: 1, ...options })

export const whole = (from: number, to: number, options: TNumberOptions) =>
  Type.Integer({ title: `a whole number from ${from} to ${to}`, minimum: from, maximum: to, ...options })

export const yesOrNo = (options: { description: string; default: boolean }) =>
  Type.Boolean({ title: 'true or false', ...options })

/** As people write it: nothing is 0s. */
export const timeText = (ms: number): string => (ms === 0 ? '0s' : durationText(ms))
