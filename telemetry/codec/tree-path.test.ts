import { expect, test } from 'vitest'
import { compilePath, place, walk } from './tree-path.ts'

const tree = {
  a: { b: 1, 'odd key.': 2, '-3': 3 },
  list: [10, { v: 11, in: [1, 2] }, { v: 12, in: [3] }],
}

test.each([
  ['a.b', 1],
  ['a["odd key."]', 2],
  ['a.-3', 3],
  ['$.a.b', 1],
  ['list[0]', 10],
  ['list.0', 10],
  ['list[1].v', 11],
  ['list[].v', [undefined, 11, 12]],
  ['list[].in[]', [1, 2, 3]],
  ['', tree],
  ['$', tree],
  ['a.b.c', undefined],
  ['list.length', undefined],
  ['list[9]', undefined],
  ['a[].b', undefined],
  ['constructor', undefined],
  ['a.toString', undefined],
  ['a.b.toFixed', undefined],
])('path %s finds its value', (path, value) => {
  expect(walk(tree, compilePath(path).steps)).toEqual(value)
})

test.each(['a..b', '.a', 'a.', 'a[', 'a[x]', 'a["b]', 'a]b', '__proto__', 'a.__proto__.b'])(
  'path %s is refused',
  (path) => {
    expect(() => compilePath(path)).toThrow(`path "${path}"`)
  },
)

test('path from the root says so', () => {
  expect(compilePath('$.a').fromRoot).toBe(true)
  expect(compilePath('$[0].a').fromRoot).toBe(true)
  expect(compilePath('$a').fromRoot).toBe(false)
})

test('place puts a value where walk finds it', () => {
  const made = { top: undefined }
  for (const [path, value] of [
    ['a.b', 1],
    ['a["odd key."]', 2],
    ['list[1].v', 3],
  ] as const) {
    place(made, compilePath(path), value)
    expect(walk(made.top, compilePath(path).steps)).toBe(value)
  }
  expect(made.top).toEqual({ a: { b: 1, 'odd key.': 2 }, list: [undefined, { v: 3 }] })
})

test('place refuses to put two things in one place', () => {
  const made = { top: undefined }
  place(made, compilePath('a'), 1)
  expect(() => place(made, compilePath('a'), 2)).toThrow('two values')
  expect(() => place(made, compilePath('a.b'), 2)).toThrow('no place')
  expect(() => place(made, compilePath('c[].d'), 2)).toThrow('not written')
})
