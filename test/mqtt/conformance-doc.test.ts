/** docs/mqtt-conformance.md and the tests say the same: no statement without a test or a reason, no test that is not there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { allCases } from './cases/all.ts'

const project = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(project, path), 'utf8')

/** Statements by chapter: how many there are, as appendix B of the standard lists them. */
const counts: { [section: string]: number } = {
  ...{ '1.5.3': 3, '2.2.2': 2, '2.3.1': 7, '3.1.0': 2, '3.1.2': 24, '3.1.3': 11, '3.1.4': 5, '3.2.0': 1, '3.2.2': 6 },
  ...{ '3.3.1': 12, '3.3.2': 3, '3.3.4': 1, '3.3.5': 2, '3.6.1': 1, '3.8.1': 1, '3.8.3': 4, '3.8.4': 6, '3.9.3': 2 },
  ...{ '3.10.1': 1, '3.10.3': 2, '3.10.4': 6, '3.12.4': 1, '3.14.1': 1, '3.14.4': 3, '4.1.0': 2, '4.3.1': 1 },
  ...{ '4.3.2': 2, '4.3.3': 2, '4.4.0': 1, '4.5.0': 2, '4.6.0': 6, '4.7.1': 3, '4.7.2': 1, '4.7.3': 4, '4.8.0': 2 },
  ...{ '6.0.0': 4, '7.0.0': 2, '7.1.1': 1, '7.1.2': 1 },
}
const statements = Object.entries(counts).flatMap(([section, count]) =>
  Array.from({ length: count }, (_, i) => `${section}-${i + 1}`),
)

type Row = { statement: string; binds: string; result: string; tests: string[] }
const rows: Row[] = read('docs/mqtt-conformance.md')
  .split('\n')
  .filter((line) => line.startsWith('| MQTT-'))
  .map((line) => {
    const [statement = '', binds = '', , result = '', shown = ''] = line.slice(2).split(' | ')
    const tests = shown
      .replace(/\s*\|$/, '')
      .split('; ')
      .filter((it) => it !== '')
    return { statement: statement.slice('MQTT-'.length), binds, result, tests }
  })

test('document lists every normative statement of MQTT 3.1.1 once, in order', () => {
  expect(rows.map(({ statement }) => statement)).toEqual(statements)
})

test('each statement that binds a server passes by a test, or has a reason', () => {
  for (const { statement, binds, result, tests } of rows) {
    expect(['server', 'client', 'both'], statement).toContain(binds)
    if (result === 'pass') expect(tests.length, statement).toBeGreaterThan(0)
    else expect(result.length, statement).toBeGreaterThan('client'.length)
  }
})

test('each test that is named exists and shows its statement', () => {
  const byName = new Map(allCases.map((it) => [it.name, it]))
  expect(byName.size).toBe(allCases.length)
  for (const { statement, tests } of rows) {
    for (const name of tests) {
      const [path, title] = name.split(' › ')
      if (title !== undefined) expect(read(path as string), name).toContain(title)
      else expect(byName.get(name)?.shows, `${statement}: ${name}`).toContain(statement)
    }
  }
})

test('each statement that a test names stands in the document with that test, or more than three show it', () => {
  const files = ['broker/broker.test.ts', 'broker/filter-trie.test.ts']
  const named = files.flatMap((path) =>
    [...read(path).matchAll(/\[MQTT-([\d.]+-\d+)\]/g)].map((found) => found[1] as string),
  )
  for (const statement of [...named, ...allCases.flatMap(({ shows }) => shows)]) expect(statements).toContain(statement)
  for (const { statement, tests } of rows) {
    const showing = allCases.filter(({ shows }) => shows.includes(statement)).map(({ name }) => name)
    const missing = showing.filter((name) => !tests.includes(name))
    if (missing.length > 0) expect(tests.length, `${statement}: ${missing}`).toBeGreaterThanOrEqual(3)
  }
})
