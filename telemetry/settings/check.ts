/**
 * Holds the values of a file against its schema and fills in defaults. It walks the schema itself and leaves only
 * single values to TypeBox: so every problem is found (TypeBox stops at eight), each is told once, and the keys of a
 * store are held against the one type that was chosen.
 */
import assert from 'node:assert'
import Type, { type TObject, type TRecord, type TSchema, type TUnion } from 'typebox'
import { Value as TypeBoxValue } from 'typebox/value'
import { broken, keyPath, nearest, type Problems, type Value } from './problems.ts'

/** What is left of T after the check: undefined stands for everything that has a problem. */
export type Sound<T> =
  T extends Array<infer Item>
    ? Array<Sound<Item> | undefined>
    : T extends object
      ? { [Key in keyof T]: Sound<T[Key]> | undefined }
      : T

/** The value when nothing in it has a problem, else null. A key that is left out has none. */
export const whole = <T>(value: Sound<T> | undefined): T | null => (isWhole(value) ? (value as unknown as T) : null)

function isWhole(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return value !== undefined
  return Object.values(value).every(isWhole)
}

/** Answers the value with defaults filled in, undefined for what has a problem. */
export function check(schema: TSchema, value: Value, path: string, problems: Problems): unknown {
  if (value === broken) return undefined
  if (Type.IsUnion(schema)) return checkUnion(schema, value, path, problems)
  if (Type.IsObject(schema) && value instanceof Map) return checkKeys(schema, value, path, problems)
  if (Type.IsRecord(schema) && value instanceof Map) return checkEntries(schema, value, path, problems)
  const isEmptied = Array.isArray(value) && value.length === 0 && 'minItems' in schema
  if (Type.IsArray(schema) && Array.isArray(value) && !isEmptied) {
    return value.map((item, i) => check(schema.items, item, `${path}[${i}]`, problems))
  }
  return Type.IsObject(schema) || Type.IsArray(schema) || Type.IsRecord(schema)
    ? report(schema, value, path, problems)
    : checkSingle(schema, value, path, problems)
}

/** Of the parts of a union the form of the value chooses: keys one of the objects, a list the list. */
function checkUnion(schema: TUnion, value: Value, path: string, problems: Problems): unknown {
  const variants = schema.anyOf.filter(Type.IsObject)
  if (variants.length > 0) {
    const key = variantKey(variants)
    if (value instanceof Map) return checkVariant(variants, key, value, path, problems)
    // Where a name can stand instead of keys, it is the variant with nothing but defaults.
    const hasNames = variants.length < schema.anyOf.length
    if (!hasNames || !variants.some((it) => constantOf(it, key) === value)) return report(schema, value, path, problems)
    return checkVariant(variants, key, new Map([[key, value]]), path, problems)
  }
  const list = Array.isArray(value) ? schema.anyOf.find(Type.IsArray) : undefined
  return list === undefined ? checkSingle(schema, value, path, problems) : check(list, value, path, problems)
}

function checkEntries(schema: TRecord, map: Map<string, Value>, path: string, problems: Problems): unknown {
  const [[pattern, property] = []] = Object.entries(schema.patternProperties)
  assert(pattern !== undefined && property !== undefined)
  const entries: Array<[string, unknown]> = []
  for (const [key, value] of map) {
    if (new RegExp(pattern).test(key)) entries.push([key, check(property, value, keyPath(path, key), problems)])
    else problems.add(keyPath(path, key), `no such name is possible, ${wanted(schema)}`)
  }
  return Object.fromEntries(entries)
}

function checkKeys(schema: TObject, map: Map<string, Value>, path: string, problems: Problems): unknown {
  reportUnknown(Object.keys(schema.properties), map, path, problems)
  const filled: Record<string, unknown> = {}
  for (const [key, property] of Object.entries(schema.properties)) {
    const value = map.get(key)
    // A key with nothing behind it, as when all below it is commented out, counts as left out.
    if (value !== undefined && !(value === null && isOmittable(property))) {
      filled[key] = check(property, value, keyPath(path, key), problems)
    } else if ('default' in property) filled[key] = checkDefault(property, keyPath(path, key), problems)
    else if (Type.IsOptional(property)) continue
    else if (isOmittable(property)) filled[key] = check(property, new Map(), keyPath(path, key), problems)
    else {
      problems.add(keyPath(path, key), `is missing, ${wanted(property)}`)
      filled[key] = undefined
    }
  }
  return filled
}

/** A default is written as short as in the file, so that its own defaults are filled in too. */
function checkDefault(schema: TSchema & { default: unknown }, path: string, problems: Problems): unknown {
  const isPlain = schema.default === null || typeof schema.default !== 'object'
  return isPlain && !Type.IsUnion(schema) ? schema.default : check(schema, asValue(schema.default), path, problems)
}

function asValue(plain: unknown): Value {
  if (Array.isArray(plain)) return plain.map(asValue)
  if (plain === null || typeof plain !== 'object') return plain as Value
  return new Map(Object.entries(plain).map(([key, value]) => [key, asValue(value)]))
}

/** The key that says which of the variants is meant: `type` of a store, `codec` of a payload. */
function variantKey(variants: TObject[]): string {
  const key = Object.keys(variants[0]?.properties ?? {}).find((it) =>
    variants.every((one) => constantOf(one, it) !== null),
  )
  assert(key !== undefined, 'each variant of a union has the same key with a value of its own')
  return key
}

const constantOf = (variant: TObject, key: string): string | null =>
  (variant.properties[key] as { const?: string } | undefined)?.const ?? null

function checkVariant(variants: TObject[], key: string, map: Map<string, Value>, path: string, problems: Problems) {
  const type = map.get(key) ?? null
  const chosen = variants.find((it) => constantOf(it, key) === type)
  if (chosen !== undefined) return checkKeys(chosen, map, path, problems)
  const known = [...new Set(variants.flatMap((variant) => Object.keys(variant.properties)))]
  reportUnknown(known, map, path, problems)
  if (type === broken) return undefined
  const typePath = keyPath(path, key)
  const given = type === null ? 'is missing' : `${problems.given(typePath, type, false)} given`
  problems.add(typePath, `${given}, one of ${variants.map((it) => constantOf(it, key)).join(', ')} wanted`)
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
  if (Array.isArray(value) && value.includes(broken)) return undefined
  // A variable is always text; where only true or false can stand, its text can mean nothing else.
  const isVariable = !problems.isShown(path)
  const single = Type.IsBoolean(schema) && isVariable && /^(true|false)$/.test(String(value)) ? value === 'true' : value
  return TypeBoxValue.Check(schema, single) ? single : report(schema, value, path, problems)
}

function report(schema: TSchema, value: Value, path: string, problems: Problems): undefined {
  const given = problems.given(path, value, isSecret(schema))
  const isShown = !isSecret(schema) && problems.isShown(path)
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
  if (Type.IsArray(schema)) return isSecret(schema.items)
  const parts = Type.IsObject(schema) ? Object.values(schema.properties) : Type.IsUnion(schema) ? schema.anyOf : []
  return parts.some((part) => isSecret(part))
}

/** Whether a key can be left out: it has a default, or everything in it can be left out. */
export function isOmittable(schema: TSchema): boolean {
  if ('default' in schema || Type.IsOptional(schema)) return true
  return Type.IsObject(schema) && Object.values(schema.properties).every((property) => isOmittable(property))
}
