import { expect, test } from 'vitest'
import { createRoute, fieldRuleDefaults, type Route, treeDefaults } from '../telemetry/route.ts'
import { fieldTypesOf, typeConflicts } from './field-types.ts'

const route = (rest: Partial<Route>) => createRoute({ topic: 'a/{device}', measurement: 'm', ...rest })
const rule = (rest: object) => ({ ...fieldRuleDefaults, field: 'f', ...rest })
/** measurement.field:type */
const known = (rest: Partial<Route>) =>
  fieldTypesOf([route(rest)]).map(({ measurement, field, type }) => `${measurement}.${field}:${type}`)

const member = (name: string) => ({ name, type: 'u8', bits: null, big: false }) as const

test.each<[string, Partial<Route>, string[]]>([
  ['a number', {}, ['m.value:float']],
  ['a text', { payload: { codec: 'text' } }, ['m.value:string']],
  ['a number with a rule', { fields: [rule({ type: 'integer' })] }, ['m.f:integer']],
  ['a tree without rules', { payload: { codec: 'json', ...treeDefaults } }, []],
  ['packed batches with a rule', { payload: { codec: 'packed' }, fields: [rule({ channel: 'a' })] }, ['m.f:float']],
  [
    'a layout',
    {
      payload: { codec: 'struct', head: [member('time'), member('a.b')], repeat: [member('c')], step: 0 },
      fields: [rule({ channel: 'c', type: 'integer' })],
    },
    ['m.f:integer', 'm.a_b:float'],
  ],
])('fieldTypesOf gives what the route alone tells when the payload is %s', (_, rest, fields) => {
  expect(known(rest)).toEqual(fields)
})

test.each<[string, Partial<Route>, string[]]>([
  ['alternatives', { topic: '{device}/{kind:a|b}', measurement: 'x_{kind}' }, ['x_a.value:float', 'x_b.value:float']],
  ['any text', { topic: '{device}/{kind}', measurement: 'x_{kind}' }, []],
  [
    'the channel of a rule',
    { measurement: '{channel}', payload: { codec: 'packed' }, fields: [rule({ channel: 't' })] },
    ['t.f:float'],
  ],
  ['the channel of a payload that names none', { measurement: '{channel}' }, ['value.value:float']],
  [
    'a level called channel',
    { topic: '{device}/{channel:a|b}', measurement: '{channel}' },
    ['a.value:float', 'b.value:float'],
  ],
  [
    'more texts than are written out',
    { topic: `{device}/{kind:${Array.from({ length: 65 }, (_, i) => i).join('|')}}`, measurement: '{kind}' },
    [],
  ],
])('fieldTypesOf fills in the measurement when its placeholder stands for %s', (_, rest, fields) => {
  expect(known(rest)).toEqual(fields)
})

test('fieldTypesOf gives a field once when several routes write it', () => {
  expect(fieldTypesOf([route({}), route({ topic: 'b/{device}' })])).toHaveLength(1)
})

test('typeConflicts names measurement, field, both types and the route when the store holds another type', () => {
  const routes = [
    route({}),
    route({ topic: 'b/{device}', fields: [rule({ type: 'integer' })] }),
    route({ topic: 'c/{device}', measurement: 'n' }),
  ]
  const stored = [
    { measurement: 'm', field: 'value', type: 'string' },
    { measurement: 'm', field: 'f', type: 'integer' },
    { measurement: 'other', field: 'value', type: 'boolean' },
  ] as const
  expect(typeConflicts(routes, [...stored])).toEqual([
    'measurement m, field value: the store holds string, the route a/{device} writes float',
  ])
  expect(typeConflicts(routes, [])).toEqual([])
})
