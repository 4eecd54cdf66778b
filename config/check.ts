/**
 * Holds the values of the file against the schema and fills in defaults. It walks the schema itself and leaves only
 * single values to TypeBox: so every problem is found (TypeBox stops at eight), each is told once, and the keys of a
 * store are held against the one type that was chosen.
 */
import assert from 'node:assert'
import Type, { type TObject, type TSchema } from 'typebox'
import { Value as TypeBoxValue } from 'typebox/value'
import { broken, keyPath, nearest, type Problems, type Value } from './problems.ts'
import { isOmittable } from './schema.ts'

/** What is left of T after the check: undefined stands for everything that has a problem. */
export type Sound<T> =
  T extends Array<infer Item>
    ? Array<Sound<Item> | undefined>
    : T extends object
      ? { [Key in keyof T]: Sound<T[Key]> | undefined }
      : T

/** Answers the value with defaults filled in, undefined for what has a problem. */
export function check(schema: TSchema, value: Value, path: string, problems: Problems): unknown {
  if (value === broken) return undefined
  const variants = Type.IsUnion(schema) ? schema.anyOf.filter(Type.IsObject) : []
  const isGroup = Type.IsObject(schema) || variants.length > 0
  if (isGroup && value instanceof Map) {
    const variant = Type.IsObject(schema) ? schema : chooseVariant(variants, value, path, problems)
    return variant && checkKeys(variant, value, path, problems)
  }
  const isEmptied = Array.isArray(value) && value.length === 0 && 'minItems' in schema
  if (Type.IsArray(schema) && Array.isArray(value) && !isEmptied) {
    return value.map((item, i) => check(schema.items, item, `${path}[${i}]`, problems))
  }
  return isGroup || Type.IsArray(schema)
    ? report(schema, value, path, problems)
    : checkSingle(schema, value, path, problems)
}

function checkKeys(schema: TObject, map: Map<string, Value>, path: string, problems: Problems): unknown {
  reportUnknown(Object.keys(schema.properties), map, path, problems)
  const filled: Record<string, unknown> = {}
  for (const [key, property] of Object.entries(schema.properties)) {
    const value = map.get(key)
    // A key with nothing behind it, as when all below it is commented out, counts as left out.
    if (value !== undefined && !(value === null && isOmittable(property))) {
      filled[key] = check(property, value, keyPath(path, key), problems)
    } else if ('default' in property) filled[key] = structuredClone(property.default)
    else if (Type.IsOptional(property)) continue
    else if (isOmittable(property)) filled[key] = check(property, new Map(), keyPath(path, key), problems)
    else problems.add(keyPath(path, key), `is missing, ${wanted(property)}`)
  }
  return filled
}

/** The variant whose `type` the file names. */
function chooseVariant(variants: TObject[], map: Map<string, Value>, path: string, problems: Problems) {
  const types = variants.map((variant) => variant.properties.type as TSchema & { const: string })
  const type = map.get('type') ?? null
  const chosen = variants.find((_, i) => types[i]?.const === type)
  if (chosen !== undefined) return chosen
  const known = [...new Set(variants.flatMap((variant) => Object.keys(variant.properties)))]
  reportUnknown(known, map, path, problems)
  if (type === broken) return undefined
  const typePath = keyPath(path, 'type')
  const given = type === null ? 'is missing' : `${problems.given(typePath, type, false)} given`
  problems.add(typePath, `${given}, one of ${types.map((it) => it.const).join(', ')} wanted`)
  return undefined
}

function reportUnknown(known: string[], map: Map<string, Value>, path: string, problems: Problems): void {
  for (const key of map.keys()) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    problems.add(
      keyPath(path, key),
      `unknown key, ${near === null ? `known are ${known.join(', ')}` : `did you mean "${near}"?`}`,
    )
  }
}

function checkSingle(schema: TSchema, value: Value, path: string, problems: Problems): unknown {
  // A variable is always text; where only true or false can stand, its text can mean nothing else.
  const isVariable = problems.places.get(path)?.from != null
  const single = Type.IsBoolean(schema) && isVariable && /^(true|false)$/.test(String(value)) ? value === 'true' : value
  return TypeBoxValue.Check(schema, single) ? single : report(schema, value, path, problems)
}

function report(schema: TSchema, value: Value, path: string, problems: Problems): undefined {
  const given = problems.given(path, value, isSecret(schema))
  const isShown = !isSecret(schema) && problems.places.get(path)?.from == null
  const rule = isShown ? TypeBoxValue.Errors(schema, value).find((error) => error.keyword === '~refine')?.message : ''
  if (rule) problems.add(path, `${given} ${rule}`)
  else if (Array.isArray(value) && Type.IsArray(schema)) problems.add(path, `an empty list given, ${wanted(schema)}`)
  else if (Type.IsString(schema) && (typeof value === 'number' || typeof value === 'boolean')) {
    problems.add(path, `${given} given, ${wanted(schema)} (in quotes it is text)`)
  } else problems.add(path, `${given} given, ${wanted(schema)}`)
}

function wanted(schema: TSchema): string {
  const { enum: choices, title, examples, default: preset } = schema as Record<string, unknown>
  if (Array.isArray(choices)) return `one of ${choices.join(', ')} wanted`
  assert(title, 'every value that can be wrong says what is wanted')
  const example = (Array.isArray(examples) ? examples[0] : undefined) ?? preset
  return `${title} wanted${example === undefined ? '' : `, for example ${JSON.stringify(example)}`}`
}

/** Whether the schema is a secret's or holds one: `credentials: user:password` is a slip that must not be shown. */
function isSecret(schema: TSchema): boolean {
  if ('writeOnly' in schema) return true
  const parts = Type.IsObject(schema) ? Object.values(schema.properties) : Type.IsUnion(schema) ? schema.anyOf : []
  return parts.some((part) => isSecret(part))
}
