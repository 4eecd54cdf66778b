/** docs/routes.md shows what the configuration takes, and ingest makes of its examples what it says. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkExamples } from '../commands/examples.ts'
import { loadConfig } from '../config/load.ts'
import { routeSchema } from '../config/route-schema.ts'
import { codecNames } from '../telemetry/route.ts'

const text = readFileSync(new URL('../docs/routes.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map((found) => found[1] ?? '')
const load = (block: string) => loadConfig(block, 'routes.md', {}).routes

test.each(blocks.map((block) => [block.split('\n')[1], block]))(
  'the block of docs/routes.md that begins with %s loads, and its examples hold',
  (_, block) => {
    const routes = load(block)
    expect(routes.flatMap((route) => checkExamples(routes, route))).toEqual([])
  },
)

test('docs/routes.md shows every key of a route and every codec', () => {
  const shown = new Set(blocks.flatMap(load).map((route) => route.payload.codec))
  expect(codecNames.filter((name) => !shown.has(name))).toEqual([])
  const yaml = blocks.join('\n')
  expect(Object.keys(routeSchema.properties).filter((key) => !new RegExp(`^ +(- )?${key}:`, 'm').test(yaml))).toEqual(
    [],
  )
})
