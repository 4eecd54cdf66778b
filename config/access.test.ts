// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the file names variables.
import { expect, test } from 'vitest'
import { loadConfig } from './load.ts'
import { problemsOf } from './problems.fake.ts'

const load = (broker: string, env: NodeJS.ProcessEnv = {}) => loadConfig(`broker: ${broker}\n`, 'x', env).broker
const problems = (broker: string, env: NodeJS.ProcessEnv = {}) =>
  problemsOf(
    `broker: ${broker}
`,
    'x',
    env,
    'x:1 broker.',
  )

const key = 'k'.repeat(32)
const defaults = {
  devices: null,
  derivedKeys: [],
  operators: [],
  rules: {
    publish: ['sensors/{site}/{device}/#'],
    subscribe: ['commands/{site}/{device}/#', 'alerts/{site}/{device}'],
  },
  connectionsPerAddress: null,
  anonymous: false,
}

test('access is off when it is left out or empty, and has defaults when it is {}', () => {
  expect(load('{ }').access).toBeNull()
  expect(load('{ access: }').access).toBeNull()
  expect(load('{ access: {} }').access).toEqual(defaults)
  expect(load('{ access: { rules: , operators: } }').access).toEqual(defaults)
})

test('access takes everything that can be said', () => {
  const text = `{ anonymous: true, access: { devices: d.yaml, derivedKey: ["\${NEW}", "\${OLD}"], connectionsPerAddress: 5,
    operators: [{ username: ann, password: "\${ANN}" }], rules: { publish: ["sensors/#"], subscribe: [] } } }`
  expect(load(text, { NEW: key, OLD: `${key}2`, ANN: 'secret' }).access).toEqual({
    devices: 'd.yaml',
    derivedKeys: [key, `${key}2`],
    operators: [{ username: 'ann', password: 'secret' }],
    rules: { publish: ['sensors/#'], subscribe: [] },
    connectionsPerAddress: 5,
    anonymous: true,
  })
  expect(load(`{ access: { derivedKey: ${key} } }`).access?.derivedKeys).toEqual([key])
})

test('access lets the broker listen beyond loopback', () => {
  expect(load('{ listen: ["mqtt://0.0.0.0"], access: {} }').access).toEqual(defaults)
})

test.each([
  ['{ access: true }', /^access: a boolean given, keys with values wanted, for example \{\}/],
  ['{ access: { derivedKey: short } }', /^access\.derivedKey: .*32 characters/],
  ['{ access: { derivedKey: [] } }', /^access\.derivedKey: /],
  [`{ access: { derivedKey: ["${key}", "with blanks ${key}"] } }`, /^access\.derivedKey\[1\]: .*without blanks/],
  ['{ access: { rules: { publish: ["a/{device"] } } }', /^access\.rules\.publish\[0\]: .*level/],
  ['{ access: { rules: { publish: ["$SYS/#", "#"] } } }', /^access\.rules\.publish\[0\]: .*begins with \$/],
  ['{ access: { rules: { subscribe: ["a/#/b"] } } }', /^access\.rules\.subscribe\[0\]: /],
  [
    '{ access: { rules: { publish: ["x/{device}"] } } }',
    /^access\.rules\.publish: .*births and wills would be refused/,
  ],
  ['{ access: { rules: { publish: [] } } }', /^access\.rules\.publish: .*births and wills/],
  ['{ status: "s/{device}", access: {} }', /^access(\.rules\.publish)?: .*births and wills/],
  ['{ access: { connectionsPerAddress: 0 } }', /^access\.connectionsPerAddress: /],
  ['{ access: { operators: [{ username: ann }] } }', /^access\.operators\[0\]\.password: is missing/],
  [
    '{ access: { operators: [{ username: a, password: b }, { username: a, password: c }] } }',
    /^access\.operators\[1\]\.username: "a" is the user name of broker\.access\.operators\[0\] already/,
  ],
  [
    '{ credentials: { username: a, password: b }, access: { operators: [{ username: a, password: b }] } }',
    /^access\.operators\[0\]\.username: "a" is the user name of broker\.credentials already/,
  ],
])('access has one problem when the file says %s', (broker, expected) => {
  const found = problems(broker)
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(expected)
  expect(found[0]).not.toContain(key)
  expect(found[0]).not.toContain('short')
})
