/** Parts that the schemas of files are made of. */
import Type, { type TNumberOptions, type TStringOptions } from 'typebox'

/**
 * What a text must keep to beyond being a text: it answers why a value cannot be used, null when it can, and '' when there
 * is nothing to add to what is wanted (the title in the schema).
 */
export type Rule = (value: string) => string | null

export const strict = { additionalProperties: false }

/** A text that keeps to a rule; the rule's own words become the message of TypeBox's error. */
export const text = (rule: Rule, options: TStringOptions) =>
  Type.Refine(
    Type.String(options),
    (value) => rule(value) === null,
    (value) => rule(value) ?? '',
  )

/** A finite number other than 0: a factor. */
export const factor = (options: TNumberOptions) =>
  Type.Refine(
    Type.Number({ title: 'a number other than 0', ...options }),
    (value) => value !== 0,
    () => 'would make every value the same',
  )
