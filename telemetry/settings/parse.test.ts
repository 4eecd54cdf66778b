// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the file names variables.
import { expect, test } from 'vitest'
import { parse } from './parse.ts'
import { broken, createProblems } from './problems.ts'

function parsed(text: string, env: NodeJS.ProcessEnv = {}) {
  const problems = createProblems()
  const value = parse(text, env, problems)
  return { value, places: problems.places, problems: problems.list('f') }
}

test('parse notes the line of every key and item when they are nested', () => {
  const { places, value } = parsed(
    '# comment\nbroker:\n  listen:\n    - a\n    - b\nroutes:\n  - topic: t\n    unit:\n',
  )
  const lines = Object.fromEntries([...places].map(([path, { line }]) => [path, line]))
  expect(lines).toEqual({
    '': 1,
    broker: 2,
    'broker.listen': 3,
    'broker.listen[0]': 4,
    'broker.listen[1]': 5,
    routes: 6,
    'routes[0]': 7,
    'routes[0].topic': 7,
    'routes[0].unit': 8,
  })
  expect(value).toEqual(
    new Map<string, unknown>([
      ['broker', new Map([['listen', ['a', 'b']]])],
      [
        'routes',
        [
          new Map<string, unknown>([
            ['topic', 't'],
            ['unit', null],
          ]),
        ],
      ],
    ]),
  )
})

test('parse replaces variables when they stand anywhere in a text', () => {
  const { value, places } = parsed('a: x${A}y${_B2}\nb: ["${A}"]', { A: '1', _B2: '${A}: [' })
  expect(value).toEqual(
    new Map<string, unknown>([
      ['a', 'x1y${A}: ['],
      ['b', ['1']],
    ]),
  )
  expect(places.get('a')).toEqual({ line: 1, from: '${A}, ${_B2}' })
  expect(places.get('b[0]')).toEqual({ line: 2, from: '${A}' })
  expect(places.get('b')).toEqual({ line: 2, from: null })
})

test('parse reports each variable when it is not set or empty', () => {
  const { problems } = parsed('a: ok\nb:\n  - ${NO}\n  - ${EMPTY}${NO}\nc: ${toString}\n', { EMPTY: '' })
  expect(problems).toEqual([
    'f:3 b[0]: the environment variable NO is not set',
    'f:4 b[1]: the environment variable EMPTY is empty',
    'f:4 b[1]: the environment variable NO is not set',
    'f:5 c: the environment variable toString is not set',
  ])
})

test.each(['${A-B}', '${A', '${}', '${1}', '${geheim:-x}'])(
  'parse reports the place and not the text when %s is no variable',
  (text) => {
    const { problems } = parsed(`a: "${text}"`, { A: '1' })
    expect(problems).toEqual(['f:1 a: holds a ${ that does not begin a variable like ${NAME}'])
  },
)

test('parse leaves dollar signs alone when no brace follows', () => {
  expect(parsed('a: $A $ {A} $$').value).toEqual(new Map([['a', '$A $ {A} $$']]))
})

test('parse reports a key when it is given twice', () => {
  const { problems, value } = parsed('a:\n  b: 1\n  c: 2\n  b: 3\n')
  expect(problems).toEqual(['f:4 a.b: given twice, first in line 2'])
  expect(value).toEqual(
    new Map([
      [
        'a',
        new Map([
          ['b', 1],
          ['c', 2],
        ]),
      ],
    ]),
  )
})

test.each([
  ['a: 1\nb: "x\n', 'quote or a bracket is missing', 3],
  ['a:\n\tb: 1\n', 'a tab is used as indentation', 2],
  ['a: 1\nb: [1, 2\nc: 3', 'a bracket is not closed', 3],
  ['a: 1\n---\nb: 2\n', 'a second document', 2],
  ['a: @geheim', 'a character that YAML reserves', 1],
  ['a: geheim: x', 'a second "key: value" on one line', 1],
  ['a: "\\q"', 'an escape sequence', 1],
  ['a: !geheim x', 'a tag (!name) that is not known', 1],
  ['a:\n  password:geheim\n  b: 1\n', 'is a blank missing after its colon', 2],
  ['a:\n  b: 1\n  password:geheim\n', 'a colon with a blank', 3],
  ['a: {site}/{device}', 'a text with {name} must stand in quotes', 1],
  ['a: { b: s/{site}/geheim }\nc: 1\nd: 2\ne: { f: 1 }', 'a text with {name} must stand in quotes', 1],
  ['a: { password: ${SECRET} }', 'inside braces and brackets ${NAME} must stand in quotes', 1],
])('parse reports the line and no text of the file when %j is no YAML', (text, words, line) => {
  const { value, problems } = parsed(text, { SECRET: 'geheim' })
  expect(value).toBe(broken)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain(`f:${line}: not valid YAML: `)
  expect(problems[0]).toContain(words)
  expect(problems[0]).not.toContain('geheim')
})

test('parse reports every line when several are no YAML', () => {
  const { problems } = parsed('a: @x\nb: 1\nc: @y\n')
  expect(problems.map((it) => it.slice(0, 4))).toEqual(['f:1:', 'f:3:'])
})

test.each([
  ['a: *geheim', 'f:1 a: aliases'],
  ['a: { x: 1, password:geheim }', 'f:1 a: a key that is no plain word'],
  ['? [geheim]\n: 1', 'f:1: a key that is no plain word'],
  ['a: !!binary Z2VoZWlt', 'f:1 a: this kind of YAML value'],
])('parse reports it without its text when %j holds what is not supported', (text, start) => {
  const { problems } = parsed(text)
  expect(problems).toHaveLength(1)
  expect(problems[0]?.startsWith(start)).toBe(true)
  expect(problems[0]).not.toContain('geheim')
})
