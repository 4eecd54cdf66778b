/** What a request got wrong, as the other problems of the API say it: which parameter, what was given, what was wanted. */
import type { FastifySchemaValidationError } from 'fastify'

/** The validator tells what was given as `data`, with its option `verbose`. */
type Problem = FastifySchemaValidationError & { data?: unknown }
type Parameters = { missingProperty?: string; additionalProperty?: string; allowedValues?: unknown[]; type?: string }

const shownCharsMax = 80
const typeNames = new Map([
  ['integer', 'a whole number'],
  ['string', 'text'],
  ['array', 'a list'],
  ['object', 'an object'],
])

/** As Fastify's `schemaErrorFormatter`; `part` is where the parameter stands: querystring, body. */
export function schemaProblem(problems: Problem[], part: string): Error {
  const [first] = problems
  const path = (first?.instancePath ?? '').slice(1).replaceAll('/', '.')
  return new Error(`${path === '' ? part : path}: ${first === undefined ? 'not as wanted' : words(first)}`)
}

function words({ keyword, params, message, data }: Problem): string {
  const { missingProperty, additionalProperty, allowedValues, type = '' } = params as Parameters
  if (keyword === 'required') return `${shown(missingProperty)} is missing`
  if (keyword === 'additionalProperties') return `${shown(additionalProperty)} is not known`
  const given = `${shown(data)} given`
  if (keyword === 'enum') return `${given}, one of ${allowedValues?.join(', ')} wanted`
  if (keyword === 'type') return `${given}, ${typeNames.get(type) ?? type} wanted`
  return `${given}, it ${message ?? 'is not as wanted'}`
}

function shown(given: unknown): string {
  if (typeof given === 'string')
    return JSON.stringify(given.length > shownCharsMax ? `${given.slice(0, shownCharsMax)}…` : given)
  if (typeof given !== 'object' || given === null) return String(given)
  return Array.isArray(given) ? 'a list' : 'an object'
}
