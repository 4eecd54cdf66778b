import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { schemaProblem } from './schema-problem.ts'

const app = Fastify({
  schemaErrorFormatter: schemaProblem,
  ajv: { customOptions: { removeAdditional: false, verbose: true } },
})
const properties = {
  device: { type: 'string', pattern: '^[a-z]+$' },
  limit: { type: 'integer', minimum: 1 },
  format: { enum: ['csv', 'lines'] },
  ids: { type: 'array', items: { type: 'string' } },
}
const object = { type: 'object', required: ['device'], properties, additionalProperties: false }
app.get('/', { schema: { querystring: object } }, () => ({}))
app.post('/', { schema: { body: object } }, () => ({}))

test.each([
  ['lacks a parameter', '', 'querystring: "device" is missing'],
  ['has one too many', 'device=a&chanel=b', 'querystring: "chanel" is not known'],
  ['has a word for a number', 'device=a&limit=many', 'limit: "many" given, a whole number wanted'],
  ['has a number out of range', 'device=a&limit=0', 'limit: 0 given, it must be >= 1'],
  ['has none of the words', 'device=a&format=xml', 'format: "xml" given, one of csv, lines wanted'],
  ['breaks a pattern', 'device=A', 'device: "A" given, it must match pattern "^[a-z]+$"'],
])('schemaProblem says what was given and what was wanted when a query %s', async (_, query, message) => {
  const answer = await app.inject({ url: `/?${query}` })
  expect([answer.statusCode, answer.json().message]).toEqual([400, message])
})

test('schemaProblem shortens what was given when it is long, and names the element when a list is wrong', async () => {
  const long = await app.inject({ url: `/?device=${'A'.repeat(5000)}` })
  expect(long.json().message.length).toBeLessThan(200)
  const payload = { device: 'a', ids: ['1', {}] }
  const listed = await app.inject({ method: 'POST', url: '/', payload })
  expect(listed.json().message).toBe('ids.1: an object given, text wanted')
})
