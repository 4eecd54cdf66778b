import { expect, test } from 'vitest'
import { createRoute, fieldRuleDefaults, type Route, type RouteExample } from '../telemetry/route.ts'
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
  const failed = check(example('1', { code: 'bad_value' }), example('flat', { code: 'out_of_range' }), example('1', []))
  expect(failed.map(({ example: index, missing }) => [index, missing])).toEqual([
    [0, ['quarantined, bad_value']],
    [1, ['quarantined, out_of_range']],
    [2, []],
  ])
})

test('checkExamples takes the messages one after the other, so that a counter has its amounts', () => {
  const counter = { bits: 16, per: 0.2, maxPerHour: 400 }
  const field = { ...fieldRuleDefaults, field: 'value', counter }
  const report = (count: number, minute: number) => `{"v":${count},"t":"2026-05-01T00:0${minute}:00Z"}`
  const examples = [
    example(report(65_534, 0), []),
    example(report(2, 5), ['rain,device=d value=0.8']),
    example(report(40_000, 9), { code: 'counter_glitch' }),
  ]
  const route = createRoute({ topic: 'a/{device}', measurement: 'rain', fields: [field], examples })
  expect(checkExamples([route], route)).toEqual([])
  expect(checkExamples([route], { ...route, examples: examples.slice(1) })).toHaveLength(1)
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
