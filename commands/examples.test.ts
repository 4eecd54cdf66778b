import { expect, test } from 'vitest'
import { createRoute, type Route, type RouteExample } from '../telemetry/route.ts'
import { checkExamples } from './examples.ts'

const example = (payload: string, expected: RouteExample['expect'], topic = 'a/d'): RouteExample => ({
  topic,
  payload: Buffer.from(payload),
  expect: expected,
})
const withExamples = (...examples: RouteExample[]) =>
  createRoute({ topic: 'a/{device}', measurement: 'voltage', examples })
const other = createRoute({ topic: 'b/{device}', measurement: 'voltage' })
const check = (...examples: RouteExample[]) => {
  const route = withExamples(...examples)
  return checkExamples([other, route], route)
}

test('checkExamples finds nothing when the points are the expected ones', () => {
  const payload = '{"v":1.5,"t":1700000000000,"seq":3}'
  expect(
    check(
      example('1.5', ['voltage,device=d value=1.5']),
      example(payload, ['voltage,device=d value=1.5']),
      example(payload, ['voltage,device=d value=1.5 1700000000000']),
      example('flat', { code: 'bad_value' }),
      example('flat', []),
    ),
  ).toEqual([])
})

test('checkExamples shows what was expected and what came when a value or a time is another', () => {
  const payload = '{"v":1.5,"t":1700000000000}'
  const failed = check(example(payload, ['voltage,device=d value=1.5 1700000000001', 'voltage,device=d value=2']))
  expect(failed).toEqual([
    {
      ...{ example: 0, topic: 'a/d', payload },
      missing: ['voltage,device=d value=1.5 1700000000001', 'voltage,device=d value=2'],
      surplus: ['voltage,device=d value=1.5 1700000000000'],
    },
  ])
})

test('checkExamples tells the reason when a message is quarantined instead of taken', () => {
  const [failed] = check(example('flat', ['voltage,device=d value=1']))
  expect(failed?.missing).toEqual(['voltage,device=d value=1'])
  expect(failed?.surplus).toEqual([expect.stringMatching(/^quarantined, bad_value: "flat" given/)])
})

test('checkExamples tells the points when a message is taken instead of quarantined, and another code', () => {
  const failed = check(example('{"v":1,"t":1}', []), example('flat', { code: 'out_of_range' }))
  expect(failed.map(({ example: index, missing }) => [index, missing])).toEqual([
    [0, ['quarantined']],
    [1, ['quarantined, out_of_range']],
  ])
})

test('checkExamples fails when another route takes the message, or none does', () => {
  const points = ['voltage,device=d value=1']
  const failed = check(example('1', points, 'b/d'), example('1', points, 'c/d'))
  expect(failed[0]).toMatchObject({ missing: ['taken by a/{device}'], surplus: ['taken by b/{device}'] })
  expect(failed[1]?.surplus).toEqual(['quarantined, no_route: no route matches "c/d"'])
})

test('checkExamples does nothing for a route without examples', () => {
  const broken = { topic: 'a' } as Route
  expect(checkExamples([broken], { ...broken, examples: [] })).toEqual([])
})
