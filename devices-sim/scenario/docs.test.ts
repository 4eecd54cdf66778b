import { readFileSync } from 'node:fs'
import Schema from 'typebox/schema'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { editorSchema } from '../../telemetry/settings/json-schema.ts'
import { readScenario, scenarioNames } from './load.ts'
import { scenarioSchema } from './schema.ts'
import { tables, withTables } from './tables.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const remedy = 'else: npm run build && node dist/devices-sim/scenario/write-docs.js'

test(`docs/scenario.schema.json is current when the schema has changed (${remedy})`, () => {
  expect(read('docs/scenario.schema.json')).toBe(editorSchema(scenarioSchema))
})

test(`docs/simulator.md has the tables of today when keys, presets or scenarios have changed (${remedy})`, () => {
  const document = read('docs/simulator.md')
  expect(withTables(document)).toBe(document)
  for (const make of Object.values(tables)) expect(document).toContain(make())
})

/** Names of all properties anywhere in the schema. */
function keysOf(node: unknown): string[] {
  if (node === null || typeof node !== 'object') return []
  const { properties = {} } = node as { properties?: object }
  return [...Object.keys(properties), ...Object.values(node).flatMap(keysOf)]
}

test('docs/simulator.md names every key of the schema when one is added', () => {
  const document = read('docs/simulator.md')
  const keys = [...new Set(keysOf(JSON.parse(editorSchema(scenarioSchema))))]
  expect(keys.length).toBeGreaterThan(50)
  expect(keys.filter((key) => !document.includes(`\`${key}\``) && !document.includes(`\`${key}: `))).toEqual([])
})

test('docs/simulator.md tells of every scenario and of no other when one is added', () => {
  const told = [...read('docs/simulator.md').matchAll(/^- \*\*([\w-]+)\*\*:/gm)].map((found) => found[1])
  expect(told.toSorted()).toEqual(scenarioNames())
})

test.each(scenarioNames())('the schema for editors takes %s when it is as it comes', (name) => {
  const { text } = readScenario(name)
  expect(Schema.Check(JSON.parse(editorSchema(scenarioSchema)), parse(text))).toBe(true)
})

test.each([
  [{ link: 'perfekt' }],
  [{ link: { preset: 'lora', latncy: '1s' } }],
  [{ sampleEvry: '1s' }],
  [{ count: 0 }],
])('the schema for editors refuses a profile when it says %j', (wrong) => {
  const profile = { name: 'a', site: 'a', sensors: ['rain'] }
  const file = (it: object) => ({ description: 'x', duration: '1h', profiles: [it] })
  const schema = JSON.parse(editorSchema(scenarioSchema))
  expect(Schema.Check(schema, file(profile))).toBe(true)
  expect(Schema.Check(schema, file({ ...profile, ...wrong }))).toBe(false)
})
