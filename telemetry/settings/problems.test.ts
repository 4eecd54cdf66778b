import { expect, test } from 'vitest'
import { createProblems, nearest } from './problems.ts'

test.each([
  ['lisen', 'listen'],
  ['Listen', 'listen'],
  ['annonymous', 'anonymous'],
  ['bytes_max', 'bytesMax'],
])('nearest finds the known name when %s is close to it', (name, known) => {
  expect(nearest(name, ['data', 'listen', 'anonymous', 'bytesMax'])).toBe(known)
})

test.each(['host', 'x', 'toString', 'list'])('nearest finds nothing when %s is close to no known name', (name) => {
  expect(nearest(name, ['data', 'listening', 'anonymous'])).toBeNull()
})

test('problems take the line of the parent when the file does not name the path', () => {
  const problems = createProblems()
  problems.places.set('routes', { line: 4, from: null }).set('routes[1]', { line: 7, from: null })
  problems.add('routes[1].topic', 'a')
  problems.add('routes[2].topic', 'b')
  problems.add('other.key', 'c')
  expect(problems.list('f')).toEqual(['f:1 other.key: c', 'f:4 routes[2].topic: b', 'f:7 routes[1].topic: a'])
})

test('problems shorten a value when it is long', () => {
  expect(createProblems().given('data', 'x'.repeat(500), false)).toBe(`"${'x'.repeat(80)}..."`)
})
